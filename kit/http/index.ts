export { frontDoor, RouteTable, type FrontDoor, type FrontDoorOptions } from "./front-door.ts";
export { httpLimits, serveHttp, type HttpLimits, type HttpOptions, type HttpServer } from "./server.ts";
