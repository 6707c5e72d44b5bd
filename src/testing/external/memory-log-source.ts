import * as v from "valibot";
import type { Source } from "../../api/source.js";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";
import type { MemoryLog } from "./memory-log.js";
import { MemoryLogEnumerator } from "./memory-log-enumerator.js";
import { MemoryLogReader, MemoryLogSplitReader } from "./memory-log-reader.js";
import {
  type MemoryLogEnumeratorState,
  type MemoryLogSplit,
  memoryLogSplitSerializer,
  memoryLogStateSerializer,
} from "./memory-log-split.js";

/** What `memoryLogSource` takes. */
export interface MemoryLogSourceOptions {
  /** It calls itself bounded: the log has ended, or will soon. Default false. */
  readonly bounded?: boolean;
  /** Records that one fetch takes of a split at most; default 4. */
  readonly fetchSize?: number;
}

const schema = v.strictObject({
  bounded: v.optional(v.boolean(), false),
  fetchSize: v.optional(wholeNumber(1), 4),
});

/** Reads a `MemoryLog`: a source for tests, with everything that a source can do. Throws OPTION_INVALID. */
export function memoryLogSource<T>(
  log: MemoryLog<T>,
  options: MemoryLogSourceOptions = {},
): Source<T, MemoryLogSplit, MemoryLogEnumeratorState> {
  const { bounded, fetchSize } = parseOptions("memoryLogSource", schema, options);
  return {
    name: "memory log",
    boundedness: bounded ? "BOUNDED" : "CONTINUOUS_UNBOUNDED",
    splitSerializer: memoryLogSplitSerializer,
    enumeratorCheckpointSerializer: memoryLogStateSerializer,
    createReader: (context) =>
      new MemoryLogReader(context, () => new MemoryLogSplitReader(log, fetchSize)),
    createEnumerator: (context) => new MemoryLogEnumerator(context, log),
    restoreEnumerator: (context, state) => new MemoryLogEnumerator(context, log, state),
  };
}
