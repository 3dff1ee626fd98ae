export { frontDoor, type FrontDoorOptions, type Served } from "./front-door.ts";
export { gate, type Gate, type GateOptions } from "./gate.ts";
export { doorMeter, type HttpMeter } from "./http-metrics.ts";
export { proxyTo, type Proxy } from "./proxy.ts";
export { httpLimits, serveHttp, type HttpLimits, type HttpOptions, type HttpServer } from "./server.ts";
