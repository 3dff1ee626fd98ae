import type { Endpoint } from "../contract/index.ts";

interface Node<T> {
  readonly names: Map<string, Node<T>>;
  any: Node<T> | undefined;
  readonly targets: Map<string, T>;
}
const node = <T>(): Node<T> => ({ names: new Map(), any: undefined, targets: new Map() });

/** Which service answers what: one table, made from the contracts. */
export class RouteTable<T> {
  readonly #root = node<T>();
  /** Those without placeholders, by address and method: they come before all others, and most requests are for one of them. */
  readonly #fixed = new Map<string, Map<string, T>>();

  add({ method, path }: Pick<Endpoint, "method" | "path">, target: T): void {
    if (!path.includes("{")) {
      const byMethod = this.#fixed.get(path) ?? new Map<string, T>();
      this.#fixed.set(path, byMethod.set(method, target));
    }
    let at = this.#root;
    for (const part of path.split("/").slice(1)) {
      if (part.startsWith("{")) at = at.any ??= node<T>();
      else {
        const next = at.names.get(part) ?? node<T>();
        at.names.set(part, next);
        at = next;
      }
    }
    at.targets.set(method, target);
  }

  /** The target of a request, or the methods that its address knows. Of routes with the method, named segments come before placeholders. */
  find(method: string, url: string): { readonly target: T } | { readonly allowed: readonly string[] } {
    const fixed = this.#fixed.get(url)?.get(method);
    if (fixed !== undefined) return { target: fixed };
    const end = url.indexOf("?");
    const parts = (end < 0 ? url : url.slice(0, end)).split("/").slice(1).map(decoded);
    const wanted = method === "HEAD" ? "GET" : method;
    const all = [...matches(this.#root, parts)];
    for (const { targets } of all) {
      const target = targets.get(wanted);
      if (target !== undefined) return { target };
    }
    return { allowed: allowing(all.flatMap(({ targets }) => [...targets.keys()])) };
  }
}

/** For `Allow`: each once, in order, and HEAD where there is GET. */
const allowing = (methods: readonly string[]): readonly string[] =>
  [...new Set(methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])))].toSorted();

function* matches<T>(at: Node<T>, parts: readonly string[], index = 0): Generator<Node<T>> {
  const part = parts[index];
  if (part === undefined) {
    if (at.targets.size > 0) yield at;
    return;
  }
  const named = at.names.get(part);
  if (named !== undefined) yield* matches(named, parts, index + 1);
  if (at.any !== undefined) yield* matches(at.any, parts, index + 1);
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
