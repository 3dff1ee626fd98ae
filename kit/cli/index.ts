export { main } from "./main.ts";
export { startPlatform, type Platform, type PlatformOptions } from "./platform.ts";
export { token } from "./token.ts";
