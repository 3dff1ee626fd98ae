import { checkCharge, checkRefund, GatewayRefused, GatewayUnavailable, type PaymentGateway } from "./port.ts";

const timeoutMs = 5_000;

/** The embedded gateway in a process of its own (server.ts). */
export function remoteGateway(url: string): PaymentGateway {
  const ask = async (address: string, request: object, signal: AbortSignal): Promise<unknown> => {
    let status: number;
    let answer: unknown;
    try {
      const reply = await fetch(new URL(address, url), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(request),
        redirect: "error",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      status = reply.status;
      answer = await reply.json();
    } catch (error) {
      throw new GatewayUnavailable("it could not be reached, or its answer was lost.", { cause: error });
    }
    if (status === 200) return answer;
    const reason = field(answer, "reason") ?? `it answered ${String(status)}.`;
    // Of the 4xx only these speak of the request itself (RFC 9110, section 15.5); 408 and 429 ask for another try.
    throw [400, 404, 409, 413, 422].includes(status) ? new GatewayRefused(reason) : new GatewayUnavailable(reason);
  };
  return {
    async charge(request, signal) {
      const answer = await ask("/charges", checkCharge(request), signal);
      const [kind, chargeId, reason] = ["kind", "chargeId", "reason"].map((name) => field(answer, name));
      if (kind === "charged" && chargeId !== undefined) return { kind, chargeId };
      if (kind === "declined" && reason !== undefined) return { kind, reason };
      throw new GatewayUnavailable("its answer cannot be understood.");
    },
    async refund(request, signal) {
      const refundId = field(await ask("/refunds", checkRefund(request), signal), "refundId");
      if (refundId === undefined) throw new GatewayUnavailable("its answer cannot be understood.");
      return { refundId };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function field(answer: unknown, name: string): string | undefined {
  const value: unknown = typeof answer === "object" && answer !== null ? Reflect.get(answer, name) : undefined;
  return typeof value === "string" ? value : undefined;
}
