import path from "node:path";
import { t } from "holdfast/contract";
import type { Runtime } from "holdfast/runtime";
import { embeddedGateway } from "./embedded.ts";
import type { PaymentGateway } from "./port.ts";
import { remoteGateway } from "./remote.ts";

/** Settings of a service that takes payments. */
export const gatewaySettings = {
  gateway: t.String({
    default: "embedded",
    pattern: "^(embedded|https?://.+)$",
    description: "the payment gateway: embedded, or the address of one in a process of its own",
  }),
};

/** The gateway that the settings name; the embedded one keeps its file in the folder of the process. */
export function openGateway({
  config,
  data,
  runtime,
}: {
  readonly config: { readonly gateway: string };
  readonly data: string;
  readonly runtime: Runtime;
}): PaymentGateway {
  return config.gateway === "embedded"
    ? embeddedGateway({ file: gatewayFile(data), runtime })
    : remoteGateway(config.gateway);
}

export const gatewayFile = (data: string): string => path.join(data, "payment-gateway.db");
