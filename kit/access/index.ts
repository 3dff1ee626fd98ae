export { mayCall, type Decision } from "./may-call.ts";
export { developmentKeys, mintToken, verifier, type SigningKeys, type Verify } from "./tokens.ts";
