import { t, type Value } from "holdfast/contract";
import { Reservation as Shown, type Line } from "./contracts.ts";

const attempt = t.Optional(t.String());
/** Who wants an order's lines: the order itself (`owned`), or an attempt to place it. */
const Wish = t.Object({ lines: t.Array(Shown.properties.lines.items), owned: t.Boolean(), attempt });
export interface Wish extends Value<typeof Wish> {}

/** One an order: what is reserved for it, and what has to be done until that is as it should be. */
export const Reservation = t.Object({
  state: Shown.properties.state,
  lines: Shown.properties.lines,
  /** Whether an `order.created` stands behind it: only then is its outcome published, and it never expires. */
  owned: t.Boolean(),
  /** Counts the rounds of parts; a part that reports for another round says nothing. */
  phase: t.Integer(),
  /** SKUs whose parts have not reported in this phase. */
  waiting: t.Array(t.String()),
  /** What stands reserved. */
  held: t.Array(Shown.properties.lines.items),
  /** What became of it in the end, once `releasing` is over. */
  end: t.Optional(t.Union([t.Literal("rejected"), t.Literal("expired"), t.Literal("released")])),
  reason: t.Optional(t.String()),
  /** Came while parts were out: looked at when they have all reported. */
  noted: t.Object({ release: t.Boolean(), expire: t.Boolean(), reserve: t.Optional(Wish) }),
  expiresAt: t.Optional(t.Integer()),
  /** The last attempt to place the order that asked for this reservation. */
  attempt,
  /** Attempts that failed: whatever still arrives of one is refused. The latest few. */
  abandoned: t.Optional(t.Array(t.String())),
});
export interface Reservation extends Value<typeof Reservation> {}

export interface Part {
  readonly kind: "reserve" | "release";
  readonly phase: number;
  readonly sku: string;
  readonly quantity: number;
}

/** The reservation as it is now, the parts to send out, and what an order is to be told. */
export interface Step {
  readonly reservation: Reservation;
  readonly parts: readonly Part[];
  readonly says?: "reserved" | "rejected";
}

const nothing = { release: false, expire: false } as const;

/** A reservation of which nothing is reserved yet. `abandoned` outlives every phase. */
const blank = ({ lines, owned, attempt }: Wish, known?: Reservation): Reservation => ({
  state: "rejected",
  lines: [...lines],
  owned,
  phase: known?.phase ?? 0,
  waiting: [],
  held: [],
  noted: nothing,
  ...(attempt === undefined ? {} : { attempt }),
  ...(known?.abandoned === undefined ? {} : { abandoned: known.abandoned }),
});

/** An order wants its lines, or an attempt does that is about to place one. */
export function reserve(known: Reservation | undefined, wish: Wish): Step {
  const { lines, owned, attempt } = wish;
  if (known === undefined) return begin(blank(wish));
  const { expiresAt: _void, ...rest } = known;
  const taken: Reservation = owned
    ? { ...rest, owned: true }
    : { ...known, ...(attempt === undefined ? {} : { attempt }) };
  switch (known.state) {
    case "released":
      return still(known);
    case "expired":
    case "rejected":
      return known.owned ? still(known) : begin(blank(wish, known));
    case "releasing":
      return known.end === "released" ? still(known) : still(note(taken, wish));
    case "reserving":
      // What somebody reserved who meant to place another order is given back first.
      if (owned && !sameLines(known.lines, lines))
        return still({ ...note(taken, wish), noted: { ...note(taken, wish).noted, expire: true } });
      if (!owned && known.noted.expire) return still(note(taken, wish));
      return still({ ...taken, noted: { ...known.noted, expire: known.noted.expire && !owned } });
    case "reserved":
      if (owned && !sameLines(known.lines, lines)) return giveBack(note(taken, wish), "expired");
      return owned && !known.owned ? { ...still(taken), says: "reserved" } : still(taken);
  }
}

/** To be reserved once what is under way is over; an order's wish stays one, whoever asks after it. */
const note = (known: Reservation, { lines, ...wish }: Wish): Reservation => ({
  ...known,
  noted:
    known.noted.reserve?.owned === true && !wish.owned
      ? known.noted
      : { ...known.noted, reserve: { lines: [...lines], ...wish } },
});

export function sameLines(one: readonly Line[], two: readonly Line[]): boolean {
  const text = (lines: readonly Line[]) =>
    lines
      .map(({ sku, quantity }) => `${sku} ${String(quantity)}`)
      .toSorted((a, b) => (a < b ? -1 : 1))
      .join();
  return text(one) === text(two);
}

/** One line a SKU. */
export function merged(lines: readonly Line[]): Line[] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of lines) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return [...quantities].map(([sku, quantity]) => ({ sku, quantity }));
}

const abandonedKept = 10;

/**
 * An attempt to place the order has failed: what it reserved is given back, and what arrives of it later is refused. What another attempt
 * or the order itself has asked for since stays.
 */
export function abandon(known: Reservation | undefined, attempt: string): Step {
  const before: Reservation = known ?? { ...blank({ lines: [], owned: false }), state: "expired" };
  const abandoned = [...(before.abandoned ?? []), attempt].slice(-abandonedKept);
  const now: Reservation = { ...before, abandoned };
  const { reserve: wish, ...noted } = now.noted;
  if (wish?.attempt === attempt) return still({ ...now, noted });
  return (now.attempt === attempt ? expire(now, now.phase) : undefined) ?? still(now);
}

export const isAbandoned = (known: Reservation | undefined, attempt: string | undefined): boolean =>
  attempt !== undefined && known?.abandoned?.includes(attempt) === true;

/** The order came to nothing: what was reserved is given back, and nothing will be reserved again. */
export function release(known: Reservation | undefined): Step {
  if (known === undefined) return still({ ...blank({ lines: [], owned: true }), state: "released" });
  switch (known.state) {
    case "released":
      return still(known);
    case "expired":
    case "rejected":
      return still({ ...known, state: "released" });
    case "reserved":
      return giveBack(known, "released");
    case "reserving":
      return still({ ...known, noted: { ...known.noted, release: true } });
    case "releasing":
      return still({ ...known, end: "released", noted: nothing });
  }
}

/** Nobody took it over in time. `phase` is the one in which it was made: a later one has a time of its own. */
export function expire(known: Reservation | undefined, phase: number): Step | undefined {
  if (known === undefined || known.owned || known.phase !== phase) return undefined;
  if (known.state === "reserved") return giveBack(known, "expired");
  return known.state === "reserving" ? still({ ...known, noted: { ...known.noted, expire: true } }) : undefined;
}

/** A part is done. `refused` says why it could not be. */
export function reported(
  known: Reservation,
  { phase, sku, refused }: { phase: number; sku: string; refused?: string | undefined },
): Step {
  if (known.phase !== phase || !known.waiting.includes(sku)) return still(known);
  const line = known.lines.find((each) => each.sku === sku);
  const waiting = known.waiting.filter((each) => each !== sku);
  const releasing = known.state === "releasing";
  const held = releasing
    ? known.held.filter((each) => each.sku !== sku)
    : refused === undefined && line !== undefined
      ? [...known.held, line]
      : known.held;
  const now: Reservation = { ...known, waiting, held, ...(refused === undefined ? {} : { reason: refused }) };
  if (waiting.length > 0) return still(now);
  return releasing ? released(now) : decided(now);
}

/** All parts of a reserving phase have reported. */
function decided(now: Reservation): Step {
  if (now.noted.release) return giveBack(now, "released");
  if (now.reason !== undefined) return giveBack(now, "rejected");
  if (now.noted.expire) return giveBack(now, "expired");
  const reserved: Reservation = { ...now, state: "reserved", noted: nothing };
  return now.owned ? { ...still(reserved), says: "reserved" } : still(reserved);
}

/** All parts of a releasing phase have reported. */
function released({ end = "released", ...now }: Reservation): Step {
  const { reserve: wanted } = now.noted;
  if (end !== "released" && wanted !== undefined && !(end === "rejected" && now.owned && !wanted.owned))
    return begin(blank({ ...wanted, owned: wanted.owned || now.owned }, now));
  const over: Reservation = { ...now, state: end, noted: nothing };
  return end === "rejected" && now.owned ? { ...still(over), says: "rejected" } : still(over);
}

function begin(from: Reservation): Step {
  const phase = from.phase + 1;
  const { reason: _void, ...rest } = from;
  return {
    reservation: { ...rest, state: "reserving", phase, waiting: from.lines.map(({ sku }) => sku) },
    parts: from.lines.map(({ sku, quantity }) => ({ kind: "reserve", phase, sku, quantity })),
  };
}

function giveBack(from: Reservation, end: "rejected" | "expired" | "released"): Step {
  const phase = from.phase + 1;
  const releasing: Reservation = { ...from, state: "releasing", phase, end, waiting: from.held.map(({ sku }) => sku) };
  if (from.held.length === 0) return released(releasing);
  return {
    reservation: releasing,
    parts: from.held.map(({ sku, quantity }) => ({ kind: "release", phase, sku, quantity })),
  };
}

const still = (reservation: Reservation): Step => ({ reservation, parts: [] });
