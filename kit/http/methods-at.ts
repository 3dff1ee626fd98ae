/** Which methods the contracts have at an address, for `Allow`: sorted, with HEAD where there is GET; none where the address is unknown. */
export function methodsAt(
  endpoints: readonly { readonly method: string; readonly path: string }[],
): (url: string) => readonly string[] {
  const routes = endpoints.map(({ method, path }) => ({ method, parts: path.split("/") }));
  return (url) => {
    // A client may ask for a whole URL, as it would a proxy (RFC 9112, section 3.2.2).
    const [address = ""] = url.replace(/^https?:\/\/[^/?]*/, "").split("?", 1);
    const parts = address.split("/").map(decoded);
    const fits = (pattern: readonly string[]) =>
      pattern.length === parts.length && pattern.every((part, at) => part.startsWith("{") || part === parts[at]);
    const methods = routes.filter((route) => fits(route.parts)).map(({ method }) => method);
    return [...new Set(methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])))].toSorted();
  };
}

/** Percent-encoded or not is the same (RFC 3986, section 6.2.2.2); what cannot be decoded is nobody's name. */
function decoded(part: string): string {
  if (!part.includes("%")) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
