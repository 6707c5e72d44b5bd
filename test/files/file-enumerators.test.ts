import { describe, expect, it } from "vitest";
import type { SplitEnumeratorContext } from "../../src/api/split-enumerator.js";
import { StaticSplitEnumerator } from "../../src/enumerator/index.js";
import { ContinuousFileEnumerator } from "../../src/files/continuous-file-enumerator.js";
import { FileEnumerator } from "../../src/files/file-enumerator.js";
import {
  type FileEnumeratorState,
  fileEnumeratorSerializer,
} from "../../src/files/file-enumerator-state.js";
import type { FilePlan } from "../../src/files/file-plan.js";
import type { ParsedFileSourceOptions } from "../../src/files/file-source-options.js";
import { type FileSplit, fileSplitSerializer } from "../../src/files/file-split.js";
import { splitsOf } from "../../src/files/file-splits.js";
import { EnumeratorRun } from "../connectors/source-run.js";

const OPTIONS: ParsedFileSourceOptions = {
  path: "x",
  splitSize: 10,
  compression: "auto",
  changeDetection: "size",
  assignment: "on-request",
};

/** Files of 20 bytes, two splits each, that come and stay. */
class Directory {
  files: string[];
  looks = 0;
  error: Error | undefined;

  constructor(...files: string[]) {
    this.files = files;
  }

  readonly plan: FilePlan<FileSplit> = {
    discover: async (_signal, known) => {
      this.looks++;
      if (this.error !== undefined) throw this.error;
      return this.files
        .filter((path) => !known.has(path))
        .map((path) => ({ path, size: 20, modified: 1 }));
    },
    splitsOf: (file) => splitsOf(file, OPTIONS, true),
  };
}

function bounded(
  directory: Directory,
  parallelism: number,
  assignment: "on-request" | "all-at-once",
  restored?: FileEnumeratorState,
) {
  const run = new EnumeratorRun<FileSplit>(parallelism);
  const enumerator = new FileEnumerator(run.context, directory.plan, assignment, restored);
  return { run, enumerator, ...driver(run, enumerator) };
}

/** A continuous enumerator that looks when `look` says so. */
function continuous(directory: Directory, restored?: FileEnumeratorState, maxPaths?: number) {
  const run = new EnumeratorRun<FileSplit>(2);
  let call: () => Promise<void> = async () => {};
  let period = 0;
  const callAsync: SplitEnumeratorContext<FileSplit>["callAsync"] = (
    callable,
    handler,
    schedule,
  ) => {
    period = schedule?.period ?? 0;
    call = async () => {
      const { signal } = new AbortController();
      const outcome = await (async () => ({ result: await callable(signal) }))().catch(
        (error: unknown) => ({ error }),
      );
      if ("error" in outcome) handler(undefined, outcome.error);
      else handler(outcome.result, undefined);
    };
  };
  const context = { ...run.context, callAsync };
  const enumerator = new ContinuousFileEnumerator(context, directory.plan, 250, restored, maxPaths);
  enumerator.start();
  expect(period).toBe(250);
  return { run, enumerator, look: () => call(), ...driver(run, enumerator) };
}

function driver(run: EnumeratorRun<FileSplit>, enumerator: { addReader(subtask: number): void }) {
  return {
    register: (subtask: number): void => {
      run.register(subtask);
      enumerator.addReader(subtask);
    },
    assigned: () => run.assigned.map(({ subtask, splitId }) => `${splitId}→${subtask}`),
  };
}

const throughBytes = (state: FileEnumeratorState): FileEnumeratorState =>
  fileEnumeratorSerializer.deserialize(1, fileEnumeratorSerializer.serialize(state));

describe("FileEnumerator", () => {
  it("lets readers wait that ask before anything is known, and forgets those that went", async () => {
    const { run, enumerator, register, assigned } = bounded(new Directory("a"), 3, "on-request");
    enumerator.start();
    for (const subtask of [2, 0, 1]) {
      register(subtask);
      enumerator.handleSplitRequest(subtask, undefined);
    }
    run.readers.delete(0);
    expect(run.noMoreSplits.size).toBe(0);
    await run.settled();
    expect(assigned()).toEqual(["a#0→2", "a#10→1"]);
    enumerator.handleSplitRequest(1, undefined);
    expect([...run.noMoreSplits]).toEqual([1]);
  });

  it("all at once: deals splits out in turn, and says that no more will come", async () => {
    const { run, enumerator, register, assigned } = bounded(
      new Directory("a", "b"),
      2,
      "all-at-once",
    );
    enumerator.start();
    register(0);
    await run.settled();
    register(1);
    expect(assigned()).toEqual(["a#0→0", "b#0→0", "a#10→1", "b#10→1"]);
    expect([...run.noMoreSplits]).toEqual([0, 1]);
  });

  it("restored: deals out what was left, and does not look again", async () => {
    const directory = new Directory("a");
    const first = bounded(directory, 1, "on-request");
    expect(first.enumerator.snapshotState(1).discovered).toBe(false);
    first.enumerator.start();
    first.register(0);
    await first.run.settled();
    first.enumerator.handleSplitRequest(0, undefined);
    const state = throughBytes(first.enumerator.snapshotState(2));
    directory.files.push("b");
    const second = bounded(directory, 1, "on-request", state);
    second.enumerator.start();
    second.register(0);
    second.enumerator.handleSplitRequest(0, undefined);
    second.enumerator.handleSplitRequest(0, undefined);
    expect(second.assigned()).toEqual(["a#10→0"]);
    expect([...second.run.noMoreSplits]).toEqual([0]);
    expect(directory.looks).toBe(1);
  });

  it("fails with what discovery fails with", async () => {
    const directory = new Directory();
    directory.error = new Error("no such directory");
    const { run, enumerator } = bounded(directory, 1, "on-request");
    enumerator.start();
    await expect(run.settled()).rejects.toThrow("no such directory");
  });
});

describe("ContinuousFileEnumerator", () => {
  it("gives waiting readers what it finds later, in their order, and never says that no more will come", async () => {
    const directory = new Directory();
    const { run, enumerator, look, register, assigned } = continuous(directory);
    for (const subtask of [1, 0]) {
      register(subtask);
      enumerator.handleSplitRequest(subtask);
    }
    await look();
    expect(assigned()).toEqual([]);
    directory.files.push("a");
    await look();
    expect(assigned()).toEqual(["a#0→1", "a#10→0"]);
    enumerator.handleSplitRequest(1);
    await look();
    expect(assigned()).toHaveLength(2);
    directory.files.push("b");
    await look();
    expect(assigned().slice(2)).toEqual(["b#0→1"]);
    expect(run.noMoreSplits.size).toBe(0);
    expect(run.metrics.snapshot()).toEqual({ unassignedSplits: 1, processedPaths: 2 });
  });

  it("forgets a waiting reader that went, and one that registers anew until it asks", async () => {
    const directory = new Directory();
    const { run, enumerator, look, register, assigned } = continuous(directory);
    for (const subtask of [0, 1]) {
      register(subtask);
      enumerator.handleSplitRequest(subtask);
    }
    run.readers.delete(0);
    register(1);
    directory.files.push("a");
    await look();
    expect(assigned()).toEqual([]);
    expect(enumerator.snapshotState().splits).toHaveLength(2);
  });

  it("restored: reads no path twice, and what was pending and what came back once", async () => {
    const directory = new Directory("a", "b");
    const first = continuous(directory);
    first.register(0);
    await first.look();
    first.enumerator.handleSplitRequest(0);
    const state = throughBytes(first.enumerator.snapshotState());
    expect(state.processed).toEqual(["a", "b"]);
    directory.files.push("c");
    const second = continuous(directory, state);
    second.register(0);
    second.enumerator.handleSplitRequest(0);
    second.run.readers.delete(0);
    const [back] = state.splits;
    second.enumerator.addSplitsBack(back === undefined ? [] : [back]);
    second.register(0);
    await second.look();
    for (let i = 0; i < 6; i++) second.enumerator.handleSplitRequest(0);
    const ids = second.assigned().map((text) => text.replace("→0", ""));
    expect(ids).toEqual(["a#10", "b#0", "b#10", "a#10", "c#0", "c#10"]);
  });

  it("remembers so many paths at most", async () => {
    const { look } = continuous(new Directory("a", "b", "c"), undefined, 2);
    await expect(look()).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      hint: expect.stringContaining("new job"),
    });
  });

  it("refuses the state of a source that looked once: it does not say what has been read", () => {
    const state = { continuous: false, discovered: true, splits: [], processed: [] };
    expect(() => continuous(new Directory(), state)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED_OPERATION" }),
    );
  });
});

describe("splitsOf", () => {
  const ranges = (size: number, splitSize: number, path = "f", splittable = true) =>
    splitsOf({ path, size, modified: 1 }, { ...OPTIONS, splitSize }, splittable).map(
      ({ start, end }) => [start, end],
    );

  it("cuts a file into ranges without gaps; an empty, compressed or whole one is one", () => {
    expect(ranges(25, 10)).toEqual([
      [0, 10],
      [10, 20],
      [20, 25],
    ]);
    expect(ranges(20, 10)).toEqual([
      [0, 10],
      [10, 20],
    ]);
    expect(ranges(0, 10)).toEqual([[0, 0]]);
    expect(ranges(25, 10, "f.gz")).toEqual([[0, 25]]);
    expect(ranges(25, 10, "f", false)).toEqual([[0, 25]]);
    expect(() => ranges(1_000_001, 1)).toThrow(expect.objectContaining({ code: "LIMIT_EXCEEDED" }));
  });

  it("gives splits that survive their serializer, which refuses garbage", () => {
    const [split] = splitsOf({ path: "ä", size: 5, modified: 1.25 }, OPTIONS, true);
    const bytes = fileSplitSerializer.serialize(split as FileSplit);
    expect(fileSplitSerializer.deserialize(1, bytes)).toEqual(split);
    const failed = expect.objectContaining({ code: "SERIALIZER_FAILED" });
    for (const wrong of [{ position: -1 }, { end: 6 }, { start: 1 }, { path: 3 }, { more: 1 }]) {
      const garbage = Buffer.from(JSON.stringify({ ...split, ...wrong }));
      expect(() => fileSplitSerializer.deserialize(1, garbage)).toThrow(failed);
    }
    const state = { continuous: true, discovered: true, splits: [split], processed: [1] };
    const garbage = Buffer.from(JSON.stringify(state));
    expect(() => fileEnumeratorSerializer.deserialize(1, garbage)).toThrow(failed);
  });
});

describe("pending splits", () => {
  it("cost the same each, however many wait", () => {
    const splits = Array.from({ length: 200_000 }, (_, i) => ({ splitId: `${i}` }));
    const run = new EnumeratorRun(1);
    run.register(0);
    const enumerator = new StaticSplitEnumerator(run.context, splits);
    const start = performance.now();
    for (const _ of splits) enumerator.handleSplitRequest(0);
    // Copying what remains each time would take minutes.
    expect(performance.now() - start).toBeLessThan(5000);
    expect(run.assigned.at(-1)?.splitId).toBe("199999");
    expect(run.assigned).toHaveLength(200_000);
    expect(enumerator.snapshotState()).toEqual([]);
  });
});
