/** One line of the text exposition format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/g;

/** Every sample of what `GET /metrics` answers; throws at a line that the format (version 0.0.4) does not allow. */
export function samplesOf(text: string): readonly Sample[] {
  return text
    .split("\n")
    .flatMap((each) => (each === "" || /^# (HELP|TYPE) \S+ \S/.test(each) ? [] : [sampleOf(each)]));
}

function sampleOf(text: string): Sample {
  const [, name, labels = "", value = ""] = line.exec(text) ?? [];
  const found = [...labels.matchAll(label)];
  if (name === undefined || found.map(([whole]) => whole).join("") !== labels)
    throw new Error(`This is no line of the exposition format: ${text}`);
  const pairs = found.map(([, key = "", escaped = ""]) => [key, unescaped(escaped)] as const);
  return { name, labels: Object.fromEntries(pairs), value: value === "+Inf" ? Infinity : Number(value) };
}

const unescaped = (text: string): string =>
  text.replaceAll(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char));

/** The sum over all samples of a name that have these labels; undefined where there is none. */
export function valueOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const lines = text.split("\n").filter((each) => each.startsWith(name));
  const found = lines
    .map(sampleOf)
    .filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}
