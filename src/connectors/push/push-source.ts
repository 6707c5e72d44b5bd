import * as v from "valibot";
import type { Source } from "../../api/source.js";
import type { SourceOutput, SourceReaderContext } from "../../api/source-reader.js";
import { StaticSplitEnumerator } from "../../enumerator/static-split-enumerator.js";
import { expecting } from "../../options/expecting.js";
import { wholeNumber } from "../../options/parse-options.js";
import { SingleThreadFetcherManager } from "../../reader/single-thread-fetcher-manager.js";
import { SingleSplitReader } from "../single-split-reader.js";
import type { Overflow } from "./hand-over.js";
import type { PushControl, Pushed } from "./push-batch.js";
import { type PushSplit, pushEnumeratorSerializer, pushSplitSerializer } from "./push-split.js";
import { type Pushing, PushSplitReader } from "./push-split-reader.js";

/** What every push source takes. */
export interface PushSourceOptions<O extends Overflow = Overflow> {
  /** For status and errors. */
  readonly name?: string;
  /** Records between the producer and the reader; default 16384. */
  readonly bufferSize?: number;
  /** What happens to a record that finds the buffer full. */
  readonly overflow?: O;
  /** True: the job's strategy may treat it as a source that ends; default false. */
  readonly bounded?: boolean;
}

/** The source that the push sources give. */
export type PushSource<T> = Source<T, PushSplit, readonly PushSplit[]>;

/** The entries of the schema of `PushSourceOptions`; the first of the overflows is the default. */
export function pushEntries(name: string, ...overflows: readonly [Overflow, ...Overflow[]]) {
  return {
    name: v.optional(
      expecting<string>((value) => typeof value === "string" && value !== "", "a name"),
      name,
    ),
    bufferSize: v.optional(wholeNumber(1), 16_384),
    overflow: v.optional(
      expecting<Overflow>(
        (value) => overflows.includes(value as Overflow),
        overflows.map((one) => JSON.stringify(one)).join(" or "),
      ),
      overflows[0],
    ),
    bounded: v.optional(
      expecting<boolean>((value) => typeof value === "boolean", "true or false"),
      false,
    ),
  };
}

/** A source with one split, whose records a producer pushes. */
export function pushSource<T>(pushing: Pushing<T> & { readonly bounded: boolean }): PushSource<T> {
  return {
    name: pushing.name,
    boundedness: pushing.bounded ? "BOUNDED" : "CONTINUOUS_UNBOUNDED",
    splitSerializer: pushSplitSerializer,
    enumeratorCheckpointSerializer: pushEnumeratorSerializer,
    createReader: (context) => new PushReader(context, pushing),
    createEnumerator: (context) => new StaticSplitEnumerator(context, [{ splitId: pushing.name }]),
    restoreEnumerator: (context, checkpoint) => new StaticSplitEnumerator(context, checkpoint),
  };
}

interface PushSplitState {
  position: unknown;
  isIdle: boolean;
}

/** Emits what is pushed, if this subtask gets the split; called in the operator's loop. */
class PushReader<T> extends SingleSplitReader<Pushed<T>, T, PushSplit, PushSplitState> {
  constructor(context: SourceReaderContext, pushing: Pushing<T>) {
    let records = 0;
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager<Pushed<T>, PushSplit>({
        context,
        splitReaderFactory: () => new PushSplitReader<T>(context, pushing),
      }),
      recordEmitter: {
        emitRecord(pushed, output, state) {
          if (pushed.control !== undefined) {
            emitControl(pushed.control, output, state);
            return;
          }
          if (state.isIdle) markActive(output, state);
          output.collect(pushed.value, pushed.timestamp);
          records++;
          if (pushed.position !== undefined) state.position = pushed.position;
        },
      },
    });
    // In place of the base's, which would count watermarks too.
    context.metricGroup.gauge("numRecordsIn", () => records);
  }

  protected override initializedState(split: PushSplit): PushSplitState {
    return { position: split.position, isIdle: false };
  }

  protected override toSplitType(splitId: string, { position }: PushSplitState): PushSplit {
    return position === undefined ? { splitId } : { splitId, position };
  }
}

function emitControl<T>(
  { watermark, isIdle }: PushControl,
  output: SourceOutput<T>,
  state: PushSplitState,
): void {
  if (watermark !== undefined) {
    if (state.isIdle) markActive(output, state);
    output.emitWatermark(watermark);
  }
  if (isIdle) {
    output.markIdle();
    state.isIdle = true;
  }
}

function markActive<T>(output: SourceOutput<T>, state: PushSplitState): void {
  output.markActive();
  state.isIdle = false;
}
