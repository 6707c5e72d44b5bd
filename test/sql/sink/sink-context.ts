import type { CommitRequest, SinkWriter, SinkWriterContext } from "../../../src/api/sink.js";
import type { HeadwaterError } from "../../../src/errors/index.js";
import { MetricRegistry } from "../../../src/metrics/index.js";

/** What a writer is told; its timers fire at once, in a later turn. */
export function sinkContext(changes: Partial<SinkWriterContext> = {}): SinkWriterContext {
  return {
    jobName: "job",
    indexOfSubtask: 0,
    currentParallelism: 1,
    metricGroup: new MetricRegistry().root(),
    processingTime: {
      now: () => 0,
      relativeTime: () => 0,
      registerTimer(_delay, callback) {
        const timer = setImmediate(callback);
        return () => clearImmediate(timer);
      },
      scheduleWithFixedDelay: () => () => {},
    },
    runInLoop: (action) => action(),
    ...changes,
  };
}

export async function writeAll<T>(writer: SinkWriter<T>, records: readonly T[]): Promise<void> {
  await writer.write(
    records,
    records.map(() => 0),
  );
  await writer.flush?.(false);
}

/** What a committer says of a committable. */
export interface Asked<CommT> extends CommitRequest<CommT> {
  outcome: string;
  reason: unknown;
}

export function request<CommT>(committable: CommT): Asked<CommT> {
  return {
    committable,
    numberOfRetries: 0,
    outcome: "COMMITTED",
    reason: undefined,
    alreadyCommitted() {
      this.outcome = "ALREADY_COMMITTED";
    },
    failedWithKnownReason(reason) {
      Object.assign(this, { outcome: "DROPPED", reason });
    },
    failedWithUnknownReason(reason) {
      Object.assign(this, { outcome: "FAILED", reason });
    },
    retryLater() {
      this.outcome = "RETRY";
    },
    updateAndRetryLater() {
      this.outcome = "RETRY";
    },
  };
}

/** The error that it rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<HeadwaterError> {
  const outcome = await promise.then(
    () => new Error("it has not failed"),
    (error: unknown) => error,
  );
  return outcome as HeadwaterError;
}
