/** What to try first. */
export const example = ({ url }: { readonly url: string }): string =>
  `curl -s ${url}/notes -H 'content-type: application/json' -d '{"topic":"garden","text":"Water the roses"}'`;
