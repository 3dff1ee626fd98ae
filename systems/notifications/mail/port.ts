export interface Mail {
  /** RFC 5322, with its brackets: `<id@holdfast>`. The same in every repetition, so that a person's program can drop the second one. */
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** A mail that was handed over, as it is shown while mail is captured; a short message has a number in place of the address, and no subject. */
export interface Delivered extends Mail {
  /** Counts deliveries. */
  readonly number: number;
  readonly at: Date;
}

/**
 * Hands mail over. It resolves when the mail is somebody else's business; `DeliveryRefused` says that it never will be (a bounce); whatever else it rejects
 * with is worth another try, after which the mail may have been sent twice.
 */
export interface Mailer extends AsyncDisposable {
  send(mail: Mail, signal: AbortSignal): Promise<void>;
  /** Where mail is captured: what was handed over, newest first, those below `before`. Undefined where it really leaves. */
  readonly captured:
    | ((page: { readonly before?: number; readonly limit: number }) => Promise<readonly Delivered[]>)
    | undefined;
}

/** Of a mail or a short message: it never will be taken. */
export class DeliveryRefused extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = "DeliveryRefused";
  }
}

/** Throws `DeliveryRefused` for a mail that would be another one on its way: a line break in a header begins a header. */
export function checkMail({ messageId, to, subject }: Mail): void {
  for (const [name, value] of Object.entries({ messageId, to, subject }))
    if (/[\r\n\0]/.test(value)) throw new DeliveryRefused(`The ${name} of the mail has a line break.`);
  if (!/^<[^<>@\s]+@[^<>@\s]+>$/.test(messageId)) throw new DeliveryRefused("The Message-ID of the mail is not one.");
  // No quoted names, and no character with which one address could be read as another, or as two (RFC 5322, section 3.2.3).
  if (!/^[^\s@<>()[\]",:;\\]+@[^\s@<>()[\]",:;\\]+$/.test(to))
    throw new DeliveryRefused("The address of the mail is not one.");
}
