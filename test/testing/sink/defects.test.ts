import { describe, expect, it } from "vitest";
import type { Sink, SinkWriter } from "../../../src/api/index.js";
import { runSuite } from "../../../src/testing/harness/suite.js";
import { TransactionalStore, transactionalStoreSink } from "../../../src/testing/index.js";
import { sinkCases } from "../../../src/testing/sink/test-sink.js";

type Store = TransactionalStore<number>;
// biome-ignore lint/suspicious/noExplicitAny: committables are the sink's own business
type Writer = SinkWriter<number, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: committables are the sink's own business
type NumberSink = Sink<number, any, any>;

/** The sink of the store with other writers. */
function withWriter(
  change: (writer: Writer, store: Store) => Writer,
): (store: Store) => NumberSink {
  return (store) => {
    const sink: NumberSink = transactionalStoreSink(store);
    return {
      ...sink,
      createWriter: async (context) => change(await sink.createWriter(context), store),
    };
  };
}

const DEFECTS: readonly {
  readonly name: string;
  readonly foundBy: RegExp;
  readonly says: RegExp;
  readonly sink: (store: Store) => NumberSink;
}[] = [
  {
    name: "forgets to prepare what it has written",
    foundBy: /^writes every record once, with one writer/,
    says: /0 records instead of 40/,
    sink: withWriter((writer) => ({ ...writer, prepareCommit: () => [] })),
  },
  {
    name: "shows what is not committed",
    foundBy: /shows nothing before/,
    says: /can be seen before it is committed/,
    sink: withWriter((writer, store) => ({ ...writer, write: (records) => store.put(records) })),
  },
  {
    name: "commits again what has been committed",
    foundBy: /fails after a commit/,
    says: /too many/,
    sink: (store) => {
      const sink: NumberSink = transactionalStoreSink(store);
      const kept = new Map<number, readonly number[]>();
      const write = store.write.bind(store);
      store.write = (id, records) => {
        kept.set(id, [...(kept.get(id) ?? []), ...records]);
        write(id, records);
      };
      return {
        ...sink,
        committer: {
          ...(sink.committer as NonNullable<NumberSink["committer"]>),
          create: () => ({
            commit(requests) {
              for (const { committable } of requests) store.put(kept.get(committable.id) ?? []);
            },
          }),
        },
      };
    },
  },
  {
    name: "takes everything while its system takes nothing",
    foundBy: /holds the source back/,
    says: /took all/,
    sink: withWriter((writer) => {
      const waiting: Promise<void>[] = [];
      return {
        ...writer,
        write(records, timestamps) {
          waiting.push(Promise.resolve(writer.write(records, timestamps)));
        },
        flush: async () => void (await Promise.all(waiting)),
      };
    }),
  },
  {
    name: "takes garbage for a committable",
    foundBy: /refuses garbage/,
    says: /takes no bytes/,
    sink: (store) => {
      const sink: NumberSink = transactionalStoreSink(store);
      const committer = sink.committer as NonNullable<NumberSink["committer"]>;
      const serializer = {
        version: 1,
        serialize: ({ id }: { id: number }) => Uint8Array.of(id),
        deserialize: (_version: number, bytes: Uint8Array) => ({ id: bytes[0] ?? 0 }),
      };
      return { ...sink, committer: { ...committer, serializer } };
    },
  },
  {
    name: "cannot be closed twice",
    foundBy: /closed twice/,
    says: /closed already|no more restarts|gone/,
    sink: withWriter((writer) => {
      let isClosed = false;
      return {
        ...writer,
        close() {
          if (isClosed) throw new Error("closed already");
          isClosed = true;
        },
      };
    }),
  },
];

describe("testSink finds a sink that", () => {
  it.each(DEFECTS)("$name", async ({ foundBy, says, sink }) => {
    const cases = sinkCases({
      time: "virtual",
      delivery: "exactly-once",
      record: (n) => n,
      externalSystem: {
        create: () => {
          const store = new TransactionalStore<number>();
          const hold = (): (() => void) => {
            let release = (): void => {};
            const held = new Promise<void>((resolve) => {
              release = resolve;
            });
            store.fault = () => held;
            return release;
          };
          return { store, hold, visible: () => store.committed };
        },
      },
      sink: ({ store }) => sink(store),
    }).filter(({ name }) => foundBy.test(name));
    expect(cases).toHaveLength(1);
    const { failures } = await runSuite(cases);
    expect(failures.map(({ name }) => name)).toEqual([cases[0]?.name]);
    expect(String(failures[0]?.error)).toMatch(says);
  });
});
