import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sink } from "../../../src/api/sink.js";
import { csvSink } from "../../../src/connectors/csv/index.js";
import { ndjsonSink } from "../../../src/connectors/ndjson/index.js";
import { textSink } from "../../../src/connectors/text/index.js";
import { discoverFiles } from "../../../src/files/file-discovery.js";
import type { FileSinkOptions } from "../../../src/files/sink/file-sink-options.js";
import {
  defineJob,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
  map,
} from "../../../src/index.js";
import { Faults, faultySource } from "../../support/faulty-source.js";
import { JobHarness, type JobHarnessOptions } from "../../support/job-harness.js";
import { faultySink, SINK_PLACES } from "./faulty-sink.js";
import { openFilesBelow } from "./open-files.js";
import { namesIn, sinkFolder, textOf } from "./sink-folder.js";

interface Row {
  readonly n: number;
  readonly pad: string;
}

/** Rows of differing length, so that a cut-off one is seen. */
const rowOf = (n: number): Row => ({ n, pad: "x".repeat(n % 50) });

const KINDS = {
  text: {
    sink: (options: FileSinkOptions): Sink<Row> =>
      textSink<Row>({ ...options, format: ({ n, pad }) => `${n},${pad}` }),
    row: (line: string) => {
      const [n, pad] = line.split(",");
      return { n: Number(n), pad };
    },
  },
  ndjson: {
    sink: (options: FileSinkOptions): Sink<Row> => ndjsonSink<Row>(options),
    row: (line: string) => JSON.parse(line) as Row,
  },
  csv: {
    sink: (options: FileSinkOptions): Sink<Row> => csvSink<Row>(options),
    row: (line: string) => {
      const [n, pad] = line.split(",");
      return { n: Number(n), pad };
    },
  },
} as const;

type Kind = keyof typeof KINDS;

/** The records of one finished file; throws when one is not whole. */
function recordsOf(kind: Kind, text: string): readonly number[] {
  expect(text.endsWith("\n")).toBe(true);
  const lines = text.slice(0, -1).split("\n");
  if (kind === "csv") expect(lines.shift()).toBe("n,pad");
  return lines.map((line) => {
    const row = KINDS[kind].row(line);
    expect(row).toEqual(rowOf(row.n));
    return row.n;
  });
}

/** Looks again and again into a folder as a source does: no file that it finds ever changes. */
class FolderReader {
  readonly #path: string;
  readonly #kind: Kind;
  readonly #files = new Map<string, string>();
  readonly #seen = new Set<number>();

  constructor(path: string, kind: Kind) {
    this.#path = path;
    this.#kind = kind;
  }

  async look(): Promise<void> {
    if (namesIn(this.#path).length === 0) return;
    const options = { option: "folder", paths: [this.#path], mayBeEmpty: true };
    const found = await discoverFiles(options, new AbortController().signal, new Set());
    const names = found.map(({ path }) => path.slice(this.#path.length + 1));
    expect(names).toEqual(expect.arrayContaining([...this.#files.keys()]));
    for (const name of names) {
      const text = textOf(this.#path, name);
      const before = this.#files.get(name);
      if (before !== undefined) expect(text).toBe(before);
      else {
        this.#files.set(name, text);
        for (const n of recordsOf(this.#kind, text)) {
          expect(this.#seen.has(n), `${n} is there twice`).toBe(false);
          this.#seen.add(n);
        }
      }
    }
  }

  get numbers(): readonly number[] {
    return [...this.#seen].sort((a, b) => a - b);
  }
}

/** Virtual milliseconds to one real one: timeouts must not pass while a disk is slow. */
const HASTE = 10;

/** Files need real turns of the event loop; virtual time passes in between. */
async function drive(
  harness: JobHarness,
  until: () => boolean,
  during: () => Promise<void> = async () => {},
): Promise<void> {
  const [start, realStart] = [harness.now, performance.now()];
  while (!until()) {
    await harness.step(1);
    const elapsed = (performance.now() - realStart) * HASTE;
    if (harness.now - start < elapsed) harness.advanceOneTimer();
    await new Promise(setImmediate);
    await during();
  }
}

interface Numbers {
  readonly splits: number;
  readonly perSplit: number;
}

function jobOf(sink: Sink<Row>, faults: Faults, { splits, perSplit }: Numbers): JobDefinition {
  return defineJob("numbers-to-files", (env) => {
    env
      .fromSource(faultySource({ faults, splits, perSplit, fetchSize: 5 }))
      .pipe(map(rowOf))
      .sinkTo(sink);
  });
}

const RESTART = fixedDelayRestart({ attempts: 1000, delay: 5 });
const numbers = ({ splits, perSplit }: Numbers): number[] =>
  Array.from({ length: splits * perSplit }, (_, n) => n);
const hiddenIn = (path: string): readonly string[] =>
  namesIn(path).filter((name) => name.startsWith("."));

const FORMS = (["text", "ndjson", "csv"] as const).flatMap((kind) =>
  (["none", "gzip"] as const).map((compression) => [kind, compression] as const),
);

describe.each(FORMS)(
  "a job that writes %s files exactly once, compression %s",
  (kind, compression) => {
    it("shows nothing before a checkpoint, and then each record once in whole files", async () => {
      const path = sinkFolder();
      const count = { splits: 6, perSplit: 500 };
      const sink = KINDS[kind].sink({
        path,
        compression,
        delivery: "exactly-once",
        bufferSize: 500,
        maxPartBytes: 2000,
      });
      const storage = new MemoryCheckpointStorage();
      const store = storage.store.bind(storage);
      let isStored = false;
      storage.store = async (data) => {
        isStored = true;
        return store(data);
      };
      const harness = await JobHarness.start(jobOf(sink, new Faults(), count), {
        parallelism: 3,
        checkpoint: { interval: "1h", storage },
      });
      const reader = new FolderReader(path, kind);
      let hiddenOnly = 0;
      let turn = 0;
      await drive(
        harness,
        () => harness.hasEnded,
        async () => {
          const names = namesIn(path);
          if (!isStored && names.length > 0) {
            expect(names.filter((name) => !name.startsWith("."))).toEqual([]);
            hiddenOnly++;
          }
          if (names.length > 0 && turn++ % 20 === 10) harness.handle.checkpoint().catch(() => {});
          await reader.look();
        },
      );
      await harness.finish();
      await reader.look();
      expect(hiddenOnly).toBeGreaterThan(0);
      expect(reader.numbers).toEqual(numbers(count));
      expect(namesIn(path).length).toBeGreaterThan(3);
      expect(hiddenIn(path)).toEqual([]);
      expect(openFilesBelow(path)).toEqual([]);
    });
  },
);

interface Plan extends Numbers {
  readonly kind: Kind;
  readonly compression: "none" | "gzip";
  readonly sync: boolean;
  readonly maxPartBytes: number | undefined;
  readonly rolloverInterval: number | undefined;
  readonly interval: number;
  readonly tick: number;
  readonly actions: readonly { readonly turns: number; readonly stop?: number | undefined }[];
  readonly failures: readonly { place: string; after: number; times: number }[];
}

const PLACES = [...SINK_PLACES, "SourceReader.pollNext", "SourceReader.snapshotState"];

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom<Kind>("text", "ndjson", "csv"),
  compression: fc.constantFrom<"none" | "gzip">("none", "gzip"),
  sync: fc.boolean(),
  maxPartBytes: fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined }),
  rolloverInterval: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
  splits: fc.integer({ min: 1, max: 4 }),
  perSplit: fc.integer({ min: 1, max: 400 }),
  interval: fc.integer({ min: 1, max: 80 }),
  tick: fc.constantFrom(0.5, 1, 3),
  actions: fc.array(
    fc.record({
      turns: fc.integer({ min: 1, max: 80 }),
      stop: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined, freq: 4 }),
    }),
    { maxLength: 6 },
  ),
  failures: fc.uniqueArray(
    fc.record({
      place: fc.constantFrom(...PLACES),
      after: fc.integer({ min: 0, max: 25 }),
      times: fc.integer({ min: 1, max: 2 }),
    }),
    { maxLength: 5, selector: ({ place }) => place },
  ),
});

async function play(
  given: Plan,
  path: string,
  faults: Faults,
): Promise<{ readonly reader: FolderReader; readonly stops: number }> {
  const { kind, interval, tick, actions, failures, maxPartBytes, rolloverInterval } = given;
  for (const { place, after, times } of failures) faults.at(place, times, after);
  const storage = new MemoryCheckpointStorage();
  const sink = KINDS[kind].sink({
    path,
    compression: given.compression,
    sync: given.sync,
    delivery: "exactly-once",
    bufferSize: 300,
    ...(maxPartBytes !== undefined && { maxPartBytes }),
    ...(rolloverInterval !== undefined && { rolloverInterval }),
  });
  const start = (options: JobHarnessOptions) =>
    JobHarness.start(jobOf(faultySink(sink, faults), faults, given), {
      tick,
      restartStrategy: RESTART,
      checkpoint: { interval, storage, tolerableFailures: 1000 },
      ...options,
    });
  const reader = new FolderReader(path, kind);
  let stops = 0;
  let harness = await start({ parallelism: 2 });
  for (const { turns, stop } of actions) {
    let turn = 0;
    await drive(harness, () => harness.hasEnded || ++turn > turns);
    await reader.look();
    if (harness.hasEnded) break;
    if (stop === undefined || harness.handle.status().state !== "RUNNING") continue;
    let stopped: { readonly location?: string } | undefined;
    harness.handle.stop({ target: "savepoint" }).then(
      ({ location }) => {
        stopped = { location };
      },
      () => {
        stopped = {};
      },
    );
    await drive(harness, () => stopped !== undefined);
    const location = stopped?.location;
    if (location === undefined) continue;
    await drive(
      harness,
      () => harness.hasEnded,
      () => reader.look(),
    );
    // It may have failed after the savepoint, and then goes on to its own end.
    if ((await harness.finish()).savepoint === undefined) break;
    stops++;
    harness = await start({ parallelism: stop, fromSavepoint: location });
  }
  await drive(harness, () => harness.hasEnded);
  const { state } = await harness.finish();
  expect(state).toBe("FINISHED");
  await reader.look();
  return { reader, stops };
}

describe("a reader of finished files sees each record once and whole", () => {
  it("whatever fails whenever, and however often the job is stopped and resumed", async () => {
    const hits = new Set<string>();
    let resumed = 0;
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const path = sinkFolder();
        const faults = new Faults();
        const { reader, stops } = await play(given, path, faults);
        expect(reader.numbers).toEqual(numbers(given));
        expect(hiddenIn(path)).toEqual([]);
        expect(openFilesBelow(path)).toEqual([]);
        for (const place of faults.hits) hits.add(place);
        resumed += stops;
      }),
      { numRuns: 40 },
    );
    // Else the property says less than it seems to.
    expect(hits.size).toBeGreaterThan(6);
    expect(resumed).toBeGreaterThan(5);
  });

  it.each(SINK_PLACES)(
    "and nothing else is left in the folder after a failure at %s",
    async (place) => {
      const path = sinkFolder();
      const count = { splits: 2, perSplit: 300 };
      const faults = new Faults().at(place, 1, place === "Sink.createWriter" ? 0 : 1);
      const sink = faultySink(
        KINDS.text.sink({ path, delivery: "exactly-once", bufferSize: 100, maxPartBytes: 1000 }),
        faults,
      );
      const harness = await JobHarness.start(jobOf(sink, faults, count), {
        parallelism: 2,
        tick: 0.01,
        restartStrategy: RESTART,
        checkpoint: { interval: 5, tolerableFailures: 1000 },
      });
      const reader = new FolderReader(path, "text");
      await drive(
        harness,
        () => harness.hasEnded,
        () => reader.look(),
      );
      await harness.finish();
      await reader.look();
      expect(faults.hits).toEqual([place]);
      expect(reader.numbers).toEqual(numbers(count));
      expect(hiddenIn(path)).toEqual([]);
    },
  );
});
