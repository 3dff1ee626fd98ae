/** What to try first. */
export const example = (url: string): string =>
  `curl -s ${url}/customers -H 'content-type: application/json' -d '{"name":"Ada","email":"ada@example.com"}'`;
