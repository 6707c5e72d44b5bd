import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Writable } from "node:stream";
import { printSink, printToErrorSink, socketSink } from "../../../src/index.js";
import { testSink } from "../../../src/testing/index.js";

const record = (n: number): number => n;

/** Numbers, a line each; what is behind the last line's end is not there yet. */
function numbersOf(text: string): readonly number[] {
  return text.split("\n").slice(0, -1).map(Number);
}

/** A stream of lines whose other side can stop taking any. */
function lines() {
  let text = "";
  let held: Promise<void> | undefined;
  const stream = new Writable({
    highWaterMark: 16,
    decodeStrings: false,
    write(chunk: string, _encoding, taken) {
      const take = (): void => {
        text += chunk;
        taken();
      };
      if (held === undefined) take();
      else held.then(take, taken);
    },
  });
  return {
    stream,
    visible: () => numbersOf(text),
    hold(): () => void {
      let release = (): void => {};
      held = new Promise((resolve) => {
        release = () => {
          held = undefined;
          resolve();
        };
      });
      return () => release();
    },
    close: () => void stream.destroy(),
  };
}

for (const sink of [printSink, printToErrorSink]) {
  testSink(sink.name, {
    // A stream of Node's answers when the process gets to it, not when a clock says so.
    time: "real",
    delivery: "at-least-once",
    record,
    externalSystem: { create: lines },
    sink: ({ stream }) =>
      // With several subtasks their numbers stand in front of the lines.
      sink<number>({ stream: unlabelled(stream) }),
  });
}

/** Passes lines on without what stands in front of them. */
function unlabelled(stream: Writable): Writable {
  return new Writable({
    highWaterMark: 16,
    decodeStrings: false,
    write(chunk: string, _encoding, taken) {
      stream.write(chunk.replaceAll(/^\d+> /gm, ""), taken);
    },
  });
}

/** A server that keeps what its clients send. */
async function server() {
  const texts = new Map<Socket, string>();
  const listening = createServer((socket) => {
    texts.set(socket, "");
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => texts.set(socket, texts.get(socket) + text));
    // A job that is cancelled does not say good-bye.
    socket.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(listening, "listening");
  return {
    port: (listening.address() as AddressInfo).port,
    visible: () => [...texts.values()].flatMap(numbersOf),
    async close(): Promise<void> {
      for (const socket of texts.keys()) socket.destroy();
      listening.close();
      await once(listening, "close");
    },
  };
}

testSink("socketSink", {
  delivery: "none",
  record,
  lacks: { backPressure: "the kernel takes more than a test writes" },
  externalSystem: { create: server },
  sink: ({ port }) => socketSink<number>({ host: "127.0.0.1", port }),
});
