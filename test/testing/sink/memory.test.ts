import { asyncBatchSink, collectSink, forEachSink, upsertSink } from "../../../src/index.js";
import { testSink } from "../../../src/testing/index.js";

const record = (n: number): number => n;

testSink("collectSink", {
  time: "virtual",
  delivery: "at-least-once",
  record,
  lacks: { backPressure: "it keeps everything" },
  externalSystem: {
    create: () => {
      const sink = collectSink<number>();
      return { sink, visible: () => sink.records };
    },
  },
  sink: ({ sink }) => sink,
});

/** A service that can be made to wait. */
function service() {
  const received: number[] = [];
  let held: Promise<void> | undefined;
  return {
    async take(numbers: readonly number[]): Promise<void> {
      await held;
      received.push(...numbers);
    },
    visible: () => received,
    hold(): () => void {
      let release = (): void => {};
      held = new Promise((resolve) => {
        release = resolve;
      });
      return () => release();
    },
  };
}

testSink("forEachSink", {
  time: "virtual",
  delivery: "at-least-once",
  record,
  externalSystem: { create: service },
  sink: (target) => forEachSink((number: number) => target.take([number])),
});

testSink("asyncBatchSink", {
  time: "virtual",
  delivery: "at-least-once",
  record,
  externalSystem: { create: service },
  sink: (target) =>
    asyncBatchSink<number, number>({
      name: "service",
      toRequest: (number) => number,
      maxBatchSize: 5,
      send: (batch) => target.take(batch),
    }),
});

/** A table with a row a key, in a database that can be made to wait. */
function table() {
  const { take, visible, hold } = service();
  return {
    upsert: take,
    hold,
    visible: () => [...new Set(visible())],
  };
}

testSink("upsertSink", {
  time: "virtual",
  delivery: "at-least-once",
  record,
  externalSystem: { create: table },
  sink: (target) =>
    upsertSink<number, number>({
      name: "table",
      keyOf: (number) => number,
      maxBatchSize: 5,
      upsert: (batch) => target.upsert(batch),
    }),
});
