import { createHash } from "node:crypto";
import * as v from "valibot";
import type { SinkWriterContext } from "../../api/sink.js";
import { HeadwaterError } from "../../errors/index.js";
import { jsonSerializer } from "../../serde/json-serializer.js";

/** What a writer of an exactly-once sink has in a checkpoint: whose transactions are beside it. */
export interface WriterState {
  readonly subtask: number;
  /** Of the run that took the checkpoint. */
  readonly parallelism: number;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const writerStateSerializer = jsonSerializer<WriterState>({
  name: "state of a database sink's writer",
  version: 1,
  schema: v.strictObject({ subtask: count, parallelism: count }),
});

/** What the transactions of a job's sink are known by: a hash, so that any name fits. */
export function transactionOwner(jobName: string, prefix: string, table: string): string {
  return createHash("sha256")
    .update(JSON.stringify([jobName, prefix, table]))
    .digest("hex")
    .slice(0, 16);
}

/**
 * Whether a prepared transaction of subtask `subtask` is in no checkpoint that is being restored, and
 * nobody writes it: then this writer, which opens, has to roll it back.
 *
 * What this subtask's restored state held has been committed before. A state tells which parallelism
 * its checkpoint had: it holds nothing of subtasks beyond that. On a start without a checkpoint
 * nothing is held.
 */
export function isLingering(
  subtask: number,
  { indexOfSubtask, currentParallelism, restoredCheckpointId }: SinkWriterContext,
  restored: readonly WriterState[],
): boolean {
  const isGone = subtask >= currentParallelism;
  if (subtask !== indexOfSubtask && !isGone) return false;
  const isFirst = indexOfSubtask === 0;
  if (restoredCheckpointId === undefined) return !isGone || isFirst;
  if (restored.some((state) => state.subtask === subtask)) return true;
  // Without a state here there were fewer states than there are subtasks now: none of this one.
  if (restored.length === 0) return !isGone;
  const before = Math.max(...restored.map((state) => state.parallelism));
  return subtask >= before && (!isGone || isFirst);
}

/** Which transactions are being written in this process: two writers must not roll back each other's. */
const inUse = new Set<string>();

/** Takes the name until the returned function is called; throws SINK_FAILED when it is taken. */
export function takeTransactions(owner: string, name: string): () => void {
  if (inUse.has(name)) {
    throw new HeadwaterError(
      "SINK_FAILED",
      `${owner} cannot begin: another exactly-once sink of this job writes to the table`,
      {
        domain: "user",
        retry: "never",
        scope: "reader",
        hint: "Give each of the sinks a prefix of its own.",
      },
    );
  }
  inUse.add(name);
  return () => inUse.delete(name);
}
