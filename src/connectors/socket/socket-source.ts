import * as v from "valibot";
import type { Source } from "../../api/source.js";
import type { SourceReaderContext } from "../../api/source-reader.js";
import { StaticSplitEnumerator } from "../../enumerator/static-split-enumerator.js";
import { addressOf } from "../../net/index.js";
import { expecting } from "../../options/expecting.js";
import { parseOptions } from "../../options/parse-options.js";
import { SingleThreadFetcherManager } from "../../reader/single-thread-fetcher-manager.js";
import type { Boxed } from "../element-batch.js";
import { SingleSplitReader } from "../single-split-reader.js";
import { checkDelays, type SocketOptions, socketEntries } from "./connect-options.js";
import type { Line } from "./line-splitter.js";
import {
  type SocketSplit,
  type SocketSplitState,
  socketEnumeratorSerializer,
  socketSplitSerializer,
} from "./socket-split.js";
import { type SocketReading, SocketSplitReader } from "./socket-split-reader.js";

/** What `socketTextSource` takes. */
export interface SocketTextSourceOptions extends SocketOptions {
  /** Between two lines; default "\n", which also drops a "\r" before it. */
  readonly delimiter?: string;
  /** Bytes of the longest line; a longer one is one bad record; default 1 MiB, at most 256 MiB. */
  readonly maxLineLength?: number;
  /** For status and errors; default "socket host:port". */
  readonly name?: string;
}

/** The source that `socketTextSource` gives. */
export type SocketTextSource = Source<string, SocketSplit, readonly SocketSplit[]>;

const schema = v.strictObject({
  ...socketEntries,
  delimiter: v.optional(
    expecting<string>(
      (value) => typeof value === "string" && value !== "" && !/\p{Surrogate}/u.test(value),
      "a text of at least one character",
    ),
    "\n",
  ),
  maxLineLength: v.optional(
    expecting<number>(
      (value) =>
        Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 2 ** 28,
      "a whole number from 1 to 268435456",
    ),
    2 ** 20,
  ),
  name: v.optional(
    expecting<string>((value) => typeof value === "string" && value !== "", "a name"),
  ),
});

/**
 * An unbounded source of the lines that a TCP server sends, in UTF-8, read by one subtask (Flink
 * `SocketTextStreamFunction`).
 *
 * At-most-once: nothing can be asked for again, a restored job connects anew. The end of the
 * connection ends the source when no retry is left. Throws OPTION_INVALID.
 */
export function socketTextSource(options: SocketTextSourceOptions): SocketTextSource {
  const parsed = parseOptions("socketTextSource", schema, options);
  checkDelays("socketTextSource", parsed);
  const name = parsed.name ?? `socket ${addressOf(parsed)}`;
  return {
    name,
    boundedness: "CONTINUOUS_UNBOUNDED",
    splitSerializer: socketSplitSerializer,
    enumeratorCheckpointSerializer: socketEnumeratorSerializer,
    createReader: (context) => new SocketReader(context, parsed),
    createEnumerator: (context) =>
      new StaticSplitEnumerator(context, [{ splitId: addressOf(parsed), lines: 0 }]),
    restoreEnumerator: (context, checkpoint) => new StaticSplitEnumerator(context, checkpoint),
  };
}

/** Reads the socket, if this subtask gets it; called in the operator's loop. */
class SocketReader extends SingleSplitReader<Boxed<Line>, string, SocketSplit, SocketSplitState> {
  constructor(context: SourceReaderContext, reading: SocketReading) {
    const splitId = addressOf(reading);
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager<Boxed<Line>, SocketSplit>({
        context,
        splitReaderFactory: () => new SocketSplitReader(context, reading),
      }),
      recordEmitter: {
        emitRecord({ value: line }, output, state) {
          if (typeof line === "string") output.collect(line);
          else context.reportBadRecord({ splitId, position: state.lines, ...line });
          state.lines++;
        },
      },
    });
  }

  protected override initializedState(split: SocketSplit): SocketSplitState {
    return { lines: split.lines };
  }

  protected override toSplitType(splitId: string, state: SocketSplitState): SocketSplit {
    return { splitId, lines: state.lines };
  }
}
