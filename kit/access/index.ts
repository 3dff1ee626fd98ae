export { mayCall, type Decision } from "./may-call.ts";
export {
  developmentKeys,
  mintToken,
  serviceKeys,
  serviceTokens,
  verifier,
  type SigningKeys,
  type Verify,
} from "./tokens.ts";
