import type { Whereabouts } from "holdfast/cli";

/** What to try first, of what runs: the call of the education sketch goes to registrations itself. */
export function example({ url, addresses }: Whereabouts): string | undefined {
  const own = (name: string) => addresses.find((address) => address.name === name)?.url;
  if (own("customers") !== undefined)
    return `curl -s '${url}/customers' -H 'content-type: application/json' -d '{"name":"Ada","email":"ada@example.com"}'`;
  const registrations = own("registrations");
  if (registrations === undefined) return undefined;
  return `curl -s -X POST '${registrations}/register?user_id=1&user_email=test@example.com&course_id=10'`;
}
