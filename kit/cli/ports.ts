export interface ServicePort {
  readonly name: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Who has the port that the service would have otherwise. */
  readonly takenBy?: { readonly port: number; readonly name: string };
}

export interface PortsWanted {
  /** In the order in which they are shown. */
  readonly services: readonly { readonly name: string }[];
  /** The port that a service has where it is known by it. */
  readonly known: Readonly<Record<string, number>>;
  /** Whether services were chosen by name: the whole platform is counted through. */
  readonly named: boolean;
  /** The first service's port; 0 takes free ones. @default those that are known, and for all else 8101 and upwards */
  readonly first: number | undefined;
  /** The front door's port. */
  readonly door: number;
}

const firstPort = 8101;
const doorName = "the front door";

/** The ports of services that are started together: of two that would have the same one, the first has it. */
export function portsOf({ services, known, named, first, door }: PortsWanted): readonly ServicePort[] {
  if (first === 0) return services.map(({ name }) => ({ name, port: 0 }));
  const owners = new Map([[door, doorName]]);
  if (named && first === undefined)
    for (const { name } of services) {
      const port = known[name];
      if (port !== undefined && !owners.has(port)) owners.set(port, name);
    }
  const ports = new Map([...owners].map(([port, name]) => [name, port]));
  let next = first ?? firstPort;
  return services.map(({ name }) => {
    const own = ports.get(name);
    if (own !== undefined) return { name, port: own };
    while (owners.has(next)) next += 1;
    const port = next;
    next += 1;
    const wanted = named && first === undefined ? known[name] : undefined;
    if (wanted === undefined) return { name, port };
    return { name, port, takenBy: { port: wanted, name: owners.get(wanted) ?? doorName } };
  });
}
