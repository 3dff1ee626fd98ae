import path from "node:path";
import { t } from "holdfast/contract";
import { developmentDefault, isLoopback, secret, type ConfigFaults, type Runtime } from "holdfast/runtime";
import { embeddedGateway } from "./embedded.ts";
import type { PaymentGateway } from "./port.ts";
import { remoteGateway } from "./remote.ts";
import { stripeGateway } from "./stripe.ts";

/** Settings of a service that takes payments; `gatewayFaults` says what is wrong with them together. */
export const gatewaySettings = {
  gateway: developmentDefault(
    t.String({
      default: "embedded",
      pattern: "^(embedded|stripe|https?://.+)$",
      description: "the payment gateway: embedded (a test gateway), the address of one in its own process, or stripe",
    }),
  ),
  stripeKey: t.Optional(
    secret(
      t.String({
        pattern: "^(sk|rk)_(test|live)_[A-Za-z0-9_]+$",
        description: "a secret key of Stripe, or a restricted one that may write payment intents and refunds",
      }),
    ),
  ),
  stripeWebhookSecret: t.Optional(
    secret(
      t.String({
        pattern: "^whsec_[A-Za-z0-9+/=_-]+$",
        description:
          "what Stripe signs its events with; without, it cannot tell what became of a payment, and is asked",
      }),
    ),
  ),
  stripeUrl: t.String({
    default: "https://api.stripe.com",
    pattern: "^https?://[^/@]+$",
    description: "where Stripe is; another one is for tests",
  }),
};

/** Their values. */
export interface GatewayConfig {
  readonly gateway: string;
  readonly stripeKey: string | undefined;
  readonly stripeUrl: string;
}

export const gatewayFaults: ConfigFaults<GatewayConfig> = ({ gateway, stripeKey, stripeUrl }, name) => {
  const faults: string[] = [];
  if (gateway.startsWith("http") && !URL.canParse(gateway)) faults.push(`${name("gateway")} is no address.`);
  if (gateway !== "stripe") return faults;
  if (stripeKey === undefined) faults.push(`${name("stripeKey")} is not set, and the gateway is stripe.`);
  if (!URL.canParse(stripeUrl)) faults.push(`${name("stripeUrl")} is no address.`);
  else if (!isSafe(new URL(stripeUrl)))
    faults.push(`${name("stripeUrl")} must begin with https: the key is sent there.`);
  return faults;
};

const isSafe = ({ protocol, hostname }: URL): boolean => protocol === "https:" || isLoopback(hostname);

/** The gateway that the settings name; the embedded one keeps its file in the folder of the process. */
export function openGateway({
  config: { gateway, stripeKey = "", stripeUrl },
  data,
  runtime,
}: {
  readonly config: GatewayConfig;
  readonly data: string;
  readonly runtime: Runtime;
}): PaymentGateway {
  if (gateway === "stripe") return stripeGateway({ key: stripeKey, url: stripeUrl, clock: runtime.clock });
  return gateway === "embedded" ? embeddedGateway({ file: gatewayFile(data), runtime }) : remoteGateway(gateway);
}

export { stripeEvents } from "./stripe-webhook.ts";
export const gatewayFile = (data: string): string => path.join(data, "payment-gateway.db");
