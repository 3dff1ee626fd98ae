// `node systems/notifications/mail/capture-server.ts --file=… [--port=…]`: a mail server for tests and crash rigs. It answers 250 when a mail is on
// disk, and not before. Prints its address.
import { callbackify, parseArgs } from "node:util";
import { systemRuntime } from "holdfast/runtime";
import { SMTPServer } from "smtp-server";
import { capturedMail } from "./captured.ts";
import { readMail } from "./mime.ts";

/** Refused for good, and refused the first time that it is tried. */
export const testAddresses = { bounces: "bounces@example.com", busyOnce: "busy-once@example.com" } as const;

export interface CaptureServer {
  readonly url: string;
  close(): Promise<void>;
}

export async function serveCapture(file: string, port: number): Promise<CaptureServer> {
  const mail = capturedMail({ file, runtime: systemRuntime() });
  const never = new AbortController().signal;
  let busy = true;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    logger: false,
    size: 1_048_576,
    // A client keeps its connection for its next mail; who is in the middle of one has this long.
    closeTimeout: 1_000,
    onRcptTo({ address }, _session, done) {
      if (address === testAddresses.bounces) return done(refusal("550 no such person", 550));
      if (address === testAddresses.busyOnce && busy) {
        busy = false;
        return done(refusal("451 try again", 451));
      }
      return done();
    },
    onData(stream, session, done) {
      const keep = async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of stream)
          // Proof: a stream of bytes. One that is too large is read to its end, and not kept.
          if (!stream.sizeExceeded) chunks.push(chunk as Buffer);
        if (stream.sizeExceeded) throw refusal("552 the mail is too large", 552);
        for (const { address } of session.envelope.rcptTo)
          await mail.send({ ...readMail(Buffer.concat(chunks)), to: address }, never);
      };
      callbackify(keep)(done);
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  server.on("error", () => {
    // A client that is gone in the middle: its mail comes again.
  });
  const address = server.server.address();
  return {
    url: `smtp://127.0.0.1:${String(typeof address === "object" && address !== null ? address.port : port)}`,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(resolve);
      });
      await mail[Symbol.asyncDispose]();
    },
  };
}

const refusal = (text: string, responseCode: number): Error => Object.assign(new Error(text), { responseCode });

async function run(): Promise<void> {
  const { values } = parseArgs({ options: { file: { type: "string" }, port: { type: "string", default: "0" } } });
  if (values.file === undefined) throw new Error("Say where it keeps what it gets: --file=<path>.");
  const server = await serveCapture(values.file, Number(values.port));
  process.stdout.write(`${server.url}\n`);
  const stop = () => void server.close();
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

// No `await` at the top: test files that share a process are loaded by `require`.
if (import.meta.main) void run();
