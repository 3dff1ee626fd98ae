import { docsPage, openapi, type Documented } from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";

export const json = (status: number, value: unknown): StoredReply => ({
  status,
  body: JSON.stringify(value),
  headers: {},
});

/** What describes services to people and to programs: made when it is first asked for, which is seldom, and kept. */
export function pages(described: Documented) {
  const { title, endpoints } = described;
  return {
    docs: once((): StoredReply => ({
      status: 200,
      body: docsPage(described),
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
      },
    })),
    openapi: once(() => json(200, openapi(endpoints, { title, version: "0.1.0" }))),
  };
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
