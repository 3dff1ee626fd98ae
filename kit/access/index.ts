export { mayCall, type Decision } from "./may-call.ts";
export { developmentKeys, knownKeys, serviceKeys, type SigningKeys } from "./development-keys.ts";
export { guestPrefix, mintToken, serviceTokens, verifier, type Verify } from "./tokens.ts";
