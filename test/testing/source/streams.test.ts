import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { asyncIterableSource, functionSource, socketTextSource } from "../../../src/index.js";
import { testSource } from "../../../src/testing/index.js";
import type { SystemNeed } from "../../../src/testing/source/tested-source.js";
import { numbered } from "./numbered.js";

const ONE_SPLIT = "there is one connection";
const ONCE = "what has been said is not said again";

/** A server that says so many lines on its first connection, and then ends it. */
async function speaker({ records }: SystemNeed) {
  const lines = numbered()(records).map((n) => `line ${n}`);
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.end(lines.map((line) => `${line}\n`).join(""));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    expected: () => lines,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

testSource("socketTextSource", {
  unbounded: true,
  ends: true,
  lacks: {
    manySplits: ONE_SPLIT,
    moreRecords: "all is said at the start",
    moreSplits: ONE_SPLIT,
    replay: ONCE,
  },
  externalSystem: { create: speaker },
  source: ({ port }) => socketTextSource({ host: "127.0.0.1", port }),
});

/** A list that can be read again from every place. */
function listOf({ records }: SystemNeed) {
  const numbers = numbered()(records);
  return { numbers, expected: () => numbers };
}

testSource("functionSource with positions", {
  unbounded: true,
  ends: true,
  lacks: {
    manySplits: "one function is one split",
    moreRecords: "all is said at the start",
    moreSplits: "one function is one split",
  },
  externalSystem: { create: listOf },
  source: ({ numbers }) =>
    functionSource<number, number>({
      async run({ collect, restoredPosition = 0 }) {
        for (const [i, number] of numbers.entries()) {
          if (i >= restoredPosition) await collect(number, { position: i + 1 });
        }
      },
    }),
});

testSource("asyncIterableSource", {
  unbounded: true,
  ends: true,
  lacks: {
    manySplits: "one iterable is one split",
    moreRecords: "all is said at the start",
    moreSplits: "one iterable is one split",
    replay: ONCE,
  },
  externalSystem: { create: listOf },
  source: ({ numbers }) =>
    asyncIterableSource(async function* () {
      yield* numbers;
    }),
});
