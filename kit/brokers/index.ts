export { embeddedBroker, type EmbeddedBroker, type EmbeddedOptions } from "./embedded.ts";
