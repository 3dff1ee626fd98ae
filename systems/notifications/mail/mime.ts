/** What the capture server reads of a mail. Of mail in several parts `text` is the source of all of them. White space around the subject and at the end of the text is not kept. */
export interface ReadMail {
  readonly messageId: string;
  readonly subject: string;
  readonly text: string;
}

/** Reads a mail of one part (RFC 5322, 2045, 2047), in UTF-8. */
export function readMail(source: Buffer): ReadMail {
  const bytes = source.toString("latin1");
  const end = bytes.indexOf("\r\n\r\n");
  const head = utf8(end < 0 ? bytes : bytes.slice(0, end));
  const body = end < 0 ? "" : bytes.slice(end + 4);
  const header = (name: string): string =>
    new RegExp(`^${name}:[ \\t]*(.*(?:\\r\\n[ \\t].*)*)`, "im").exec(head)?.[1]?.replaceAll(/\r\n(?=[ \t])/g, "") ?? "";
  return {
    messageId: header("Message-ID").trim(),
    subject: words(header("Subject")).trim(),
    text: utf8(decoded(body, header("Content-Transfer-Encoding").trim().toLowerCase()))
      .replaceAll("\r\n", "\n")
      .trimEnd(),
  };
}

const utf8 = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");

function decoded(body: string, encoding: string): string {
  if (encoding === "base64") return Buffer.from(body, "base64").toString("latin1");
  return encoding === "quoted-printable" ? unquoted(body.replaceAll(/=[ \t]*\r\n/g, "")) : body;
}

const unquoted = (text: string): string =>
  text.replaceAll(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Encoded words (RFC 2047); blanks between two of them are none, and a character may begin in one and end in the next. */
function words(value: string): string {
  const joined = value.replaceAll(/(=\?utf-8\?([bq])\?[^?]*\?=)[ \t]+(?==\?utf-8\?\2\?)/gi, "$1");
  return joined.replaceAll(/(?:=\?utf-8\?[bq]\?[^?]*\?=)+/gi, (run) =>
    utf8(
      [...run.matchAll(/=\?utf-8\?([bq])\?([^?]*)\?=/gi)]
        .map(([, kind, word = ""]) =>
          kind?.toLowerCase() === "b"
            ? Buffer.from(word, "base64").toString("latin1")
            : unquoted(word.replaceAll("_", " ")),
        )
        .join(""),
    ),
  );
}
