export { dev, type DevOptions } from "./dev.ts";
export { main } from "./main.ts";
export { startPlatform } from "./platform.ts";
export { settings, type Platform, type PlatformOptions, type Whereabouts } from "./settings.ts";
export { token } from "./token.ts";
