import type { UnreadableInput } from "../api/bad-record.js";
import type { RecordAttributes } from "../api/data-output.js";
import type { MetricGroup } from "../api/metrics.js";
import type { OperatorToCoordinatorEvent } from "../api/operator-event.js";
import type { ReaderActors, SourceReader, SourceReaderContext } from "../api/source-reader.js";
import type { SimpleVersionedSerializer, SourceSplit } from "../api/source-split.js";
import type { Timestamp, WatermarkStrategy } from "../api/watermark.js";
import type { InspectionObserver } from "../mailbox/machine-host.js";
import type { ProcessingTimeService } from "../mailbox/ports.js";

/** What a source operator is made of and works with; given by the subtask. */
export interface SourceOperatorOptions<T, SplitT extends SourceSplit> {
  /** The operator's address, shown by the inspector. */
  readonly id: string;
  readonly createReader: (context: SourceReaderContext) => SourceReader<T, SplitT>;
  readonly splitSerializer: SimpleVersionedSerializer<SplitT>;
  readonly watermarkStrategy: WatermarkStrategy<T>;
  readonly subtask: number;
  readonly parallelism: number;
  readonly localHostName: string;
  /** Its callbacks run in the subtask's loop. */
  readonly processingTime: ProcessingTimeService;
  /** Given on to the reader. */
  readonly actors: ReaderActors;
  /** Runs the action in the subtask's loop, soon. */
  readonly runInOperatorLoop: (action: () => void) => void;
  /**
   * Where record attributes go, also before the first `emitNext` has brought an output (Flink's
   * `Output`, which is there from the setup on).
   */
  readonly emitRecordAttributes: (attributes: RecordAttributes) => void;
  /** Takes what the reader could not turn into a record; throws BAD_RECORD when the job is to fail. */
  readonly reportBadRecord: (input: UnreadableInput) => void;
  readonly sendToCoordinator: (event: OperatorToCoordinatorEvent) => void;
  readonly metricGroup: MetricGroup;
  /** Milliseconds between periodic watermarks; 0: none. */
  readonly autoWatermarkInterval: number;
  /** False: no watermark before the end of the input (batch execution). */
  readonly emitProgressiveWatermarks: boolean;
  /**
   * How many records the next poll of the reader may emit; 0: `emitNext` has emitted enough. Asked
   * after each poll; the first of an `emitNext` may emit one (Flink `canEmitBatchOfRecords`).
   */
  readonly recordsOfNextPoll: () => number;
  /** The timestamp of the last record that was emitted, -Infinity for none; asked when metrics are read. */
  readonly lastEmittedTimestamp?: () => Timestamp;
  /** Hears of each split that the reader has finished; for the log. */
  readonly splitFinished?: (splitId: string) => void;
  /** True: a reader that cannot pause splits reads on where alignment would pause them. */
  readonly allowUnalignedSourceSplits: boolean;
  /** True: restored splits go to the enumerator instead of the reader (FLIP-537). */
  readonly supportsSplitReassignmentOnRecovery: boolean;
  readonly inspect?: InspectionObserver;
}
