export { embeddedBroker, type EmbeddedOptions } from "./embedded.ts";
