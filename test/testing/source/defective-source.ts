import type {
  AnySource,
  RecordsWithSplitIds,
  SimpleVersionedSerializer,
  SourceReaderContext,
  SplitEnumeratorContext,
} from "../../../src/api/index.js";
import { type MemoryLog, memoryLogSource } from "../../../src/testing/external/index.js";
import { MemoryLogEnumerator } from "../../../src/testing/external/memory-log-enumerator.js";
import {
  MemoryLogReader,
  MemoryLogSplitReader,
} from "../../../src/testing/external/memory-log-reader.js";
import type { MemoryLogSplit } from "../../../src/testing/external/memory-log-split.js";

type Log = MemoryLog<number>;

const FETCH_SIZE = 4;

/** Each defect with the source that has it, and the test that has to find it. */
export const DEFECTS: readonly {
  readonly name: string;
  readonly foundBy: RegExp;
  readonly says: RegExp;
  readonly source: (log: Log) => AnySource<number>;
}[] = [
  {
    name: "loses what a fetch has read when it is woken up",
    foundBy: /however often fetches are woken up/,
    says: /before record|missing/,
    source: withSplitReader((log) => new ForgetfulSplitReader(log, FETCH_SIZE)),
  },
  {
    name: "restores one record too far",
    foundBy: /every record boundary/,
    says: /after 1 records: .* missing: 1/,
    source: withReader((context, log) => new ShiftedReader(context, log, 1)),
  },
  {
    name: "restores one record too early",
    foundBy: /from a savepoint with exactly the rest/,
    says: /too many: 2, 8/,
    source: withReader((context, log) => new ShiftedReader(context, log, -1)),
  },
  {
    name: "tells a reader twice that no more splits come",
    foundBy: /once that no more splits come/,
    says: /told subtask 0 2 times/,
    source: withEnumerator((context, log) => new MemoryLogEnumerator(endingTwice(context), log)),
  },
  {
    name: "shares the state of its splits",
    foundBy: /every record boundary/,
    says: /after 1 records: .* missing: 5, 10/,
    source: withReader((context, log) => new SharingReader(context, log)),
  },
  {
    name: "drops splits that come back from a failed reader",
    foundBy: /when a reader fails/,
    says: /missing: 5, 6, 7, 8, 9/,
    source: withEnumerator((context, log) => new CarelessEnumerator(context, log)),
  },
  {
    name: "finds the same splits again after a restore",
    foundBy: /from a savepoint with exactly the rest/,
    says: /30 records instead of 15/,
    source: (log) => {
      const source = memoryLogSource(log, { bounded: true });
      return { ...source, restoreEnumerator: (context) => source.createEnumerator(context) };
    },
  },
  {
    name: "reads a split on while it is paused",
    foundBy: /split that is paused/,
    says: /came while it was paused/,
    source: withSplitReader((log) => new RestlessSplitReader(log, FETCH_SIZE)),
  },
  {
    name: "reads a split on slowly while it is paused",
    foundBy: /split that is paused/,
    says: /came while it was paused/,
    source: withSplitReader((log) => new RestlessSplitReader(log, 1)),
  },
  {
    name: "has a metric that is no number",
    foundBy: /metrics that are numbers/,
    says: /no numbers: tested\.subtask\.0\.broken/,
    source: withReader((context, log) => {
      context.metricGroup.gauge("broken", () => undefined as never);
      return new MemoryLogReader(context, () => new MemoryLogSplitReader(log, FETCH_SIZE));
    }),
  },
  {
    name: "takes garbage for a split",
    foundBy: /refuses garbage/,
    says: /takes no bytes for split/,
    source: (log) => {
      const source = memoryLogSource(log, { bounded: true });
      return { ...source, splitSerializer: trusting(source.splitSerializer) };
    },
  },
  {
    name: "cannot be closed twice",
    foundBy: /closed twice/,
    says: /closed already|no more restarts/,
    source: withReader((context, log) => new OnceClosedReader(context, log)),
  },
  {
    name: "keeps what it has found in the source object",
    foundBy: /one source object holds no state/,
    says: /0 records instead of 15/,
    source: (log) => {
      const source = memoryLogSource(log, { bounded: true });
      let first: ReturnType<typeof source.createEnumerator> | undefined;
      return {
        ...source,
        createEnumerator: (context) => {
          const given = first?.snapshotState(0);
          first ??= source.createEnumerator(context);
          return given === undefined ? first : source.restoreEnumerator(context, given);
        },
      };
    },
  },
  {
    name: "snapshots a split behind what was fetched, not behind what was emitted",
    foundBy: /every record boundary/,
    says: /after 1 records: .* missing: 1, 2, 3/,
    source: withReader((context, log) => new HastyReader(context, log)),
  },
];

function withReader(
  create: (context: SourceReaderContext, log: Log) => MemoryLogReader<number>,
): (log: Log) => AnySource<number> {
  return (log) => ({
    ...memoryLogSource(log, { bounded: true }),
    createReader: (context) => create(context, log),
  });
}

function withSplitReader(
  create: (log: Log) => MemoryLogSplitReader<number>,
): (log: Log) => AnySource<number> {
  return withReader((context, log) => new MemoryLogReader(context, () => create(log)));
}

function withEnumerator(
  create: (
    context: SplitEnumeratorContext<MemoryLogSplit>,
    log: Log,
  ) => MemoryLogEnumerator<number>,
): (log: Log) => AnySource<number> {
  return (log) => ({
    ...memoryLogSource(log, { bounded: true }),
    createEnumerator: (context) => create(context, log),
  });
}

class ForgetfulSplitReader extends MemoryLogSplitReader<number> {
  #isFetching = false;
  #wasWoken = false;

  override async fetch(): ReturnType<MemoryLogSplitReader<number>["fetch"]> {
    this.#isFetching = true;
    this.#wasWoken = false;
    const batch = await super.fetch();
    this.#isFetching = false;
    return this.#wasWoken ? withoutRecords(batch) : batch;
  }

  override wakeUp(): void {
    if (this.#isFetching) this.#wasWoken = true;
    super.wakeUp();
  }
}

function withoutRecords<E>(batch: RecordsWithSplitIds<E>): RecordsWithSplitIds<E> {
  return {
    nextSplit: () => null,
    nextRecordFromSplit: () => null,
    finishedSplits: () => batch.finishedSplits(),
  };
}

class RestlessSplitReader extends MemoryLogSplitReader<number> {
  override pauseOrResumeSplits(): void {}
}

class ShiftedReader extends MemoryLogReader<number> {
  readonly #by: number;

  constructor(context: SourceReaderContext, log: Log, by: number) {
    super(context, () => new MemoryLogSplitReader(log, FETCH_SIZE));
    this.#by = by;
  }

  override snapshotState(checkpointId: number): MemoryLogSplit[] {
    return super.snapshotState(checkpointId).map((split) => ({
      ...split,
      position: split.position === 0 ? 0 : split.position + this.#by,
    }));
  }
}

class SharingReader extends MemoryLogReader<number> {
  constructor(context: SourceReaderContext, log: Log) {
    super(context, () => new MemoryLogSplitReader(log, FETCH_SIZE));
  }

  override snapshotState(checkpointId: number): MemoryLogSplit[] {
    const splits = super.snapshotState(checkpointId);
    const position = splits[0]?.position ?? 0;
    return splits.map((split) => ({ ...split, position }));
  }
}

class HastyReader extends MemoryLogReader<number> {
  constructor(context: SourceReaderContext, log: Log) {
    super(context, () => new MemoryLogSplitReader(log, FETCH_SIZE));
  }

  override snapshotState(checkpointId: number): MemoryLogSplit[] {
    return super.snapshotState(checkpointId).map((split) => ({
      ...split,
      position: Math.ceil(split.position / FETCH_SIZE) * FETCH_SIZE,
    }));
  }
}

class OnceClosedReader extends MemoryLogReader<number> {
  #isClosed = false;

  constructor(context: SourceReaderContext, log: Log) {
    super(context, () => new MemoryLogSplitReader(log, FETCH_SIZE));
  }

  override close(): ReturnType<MemoryLogReader<number>["close"]> {
    if (this.#isClosed) throw new Error("closed already");
    this.#isClosed = true;
    return super.close();
  }
}

class CarelessEnumerator extends MemoryLogEnumerator<number> {
  override addSplitsBack(): void {}
}

function endingTwice(
  context: SplitEnumeratorContext<MemoryLogSplit>,
): SplitEnumeratorContext<MemoryLogSplit> {
  return new Proxy(context, {
    get(target, property) {
      if (property === "signalNoMoreSplits") {
        return (subtask: number) => {
          target.signalNoMoreSplits(subtask);
          target.signalNoMoreSplits(subtask);
        };
      }
      const value = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function trusting<V>(inner: SimpleVersionedSerializer<V>): SimpleVersionedSerializer<V> {
  return {
    version: inner.version,
    serialize: (value) => inner.serialize(value),
    deserialize(version, bytes) {
      try {
        return inner.deserialize(version, bytes);
      } catch {
        return { splitId: "split-0", split: 0, position: 0 } as V;
      }
    },
  };
}
