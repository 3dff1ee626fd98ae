export { mayCall, type Decision } from "./may-call.ts";
export {
  developmentKeys,
  guestPrefix,
  mintToken,
  serviceTokens,
  verifier,
  type SigningKeys,
  type Verify,
} from "./tokens.ts";
