/** The first major version that `engines` of the kit allows. */
const lowest = 24;

/** Why the kit cannot run on this version of Node; undefined when it can. Loads on any Node that knows modules. */
export function nodeFault(version: string): string | undefined {
  if (Number(version.split(".")[0]) >= lowest) return undefined;
  return `Holdfast needs Node ${String(lowest)} or newer; this is Node ${version}.`;
}
