/**
 * A message as it travels: CloudEvents 1.0 attributes, the kit's extensions, and the data as it was written.
 * The names of the wire form (CloudEvents attributes, `partitionkey`, `correlationid`, `causationid`, `traceparent`) are the business of the brokers.
 */
export interface Envelope {
  /** UUIDv7, minted once, when the outbox row is written. With `source` the identity of the message. */
  readonly id: string;
  /** URI-reference of the producing service: `/orders`. */
  readonly source: string;
  /** Name of the event contract: `order.created`. It is the topic, too. */
  readonly type: string;
  /** Major version of the contract. A consumer that does not know it sends the message to the dead letters. */
  readonly version: number;
  /** Messages of one type with the same key are handled in order. */
  readonly key: string;
  /** RFC 3339, time of the attempt that was committed. */
  readonly time: string;
  /** The same for everything that one request set in motion. */
  readonly correlationId: string;
  /** Id of the message or request that caused this one. */
  readonly causationId: string | undefined;
  /** W3C Trace Context of the producing unit. */
  readonly traceparent: string | undefined;
  /** Headers of foreign producers, kept as they came; they can never override the attributes above. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text as it was written; bytes only where a foreign producer sent what is not UTF-8. */
  readonly data: string | Uint8Array;
}
