export type { Listening } from "./app.ts";
export { frontDoor, type FrontDoorOptions, type Served } from "./front-door.ts";
export { gate, type GateOptions } from "./gate.ts";
export type { Routing } from "./hand-over.ts";
export { allowsHost, type AllowsHost, type HostOptions } from "./hosts.ts";
export { httpLimits, largestLimits, type ForwardLimits, type HttpLimits } from "./limits.ts";
export { isHost, originOf, listenAddress } from "./origin.ts";
export { httpProxy, type Forwarding, type HttpProxy } from "./proxy.ts";
export { serveHttp, type HttpOptions, type HttpServer } from "./server.ts";
