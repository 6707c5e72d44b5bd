import { HeadwaterError } from "../errors/index.js";
import type { CheckpointData, PipelineState } from "./checkpoint-data.js";

/** What a job can take state for. */
export interface RestoringJob {
  readonly jobName: string;
  /** Where the checkpoint lies, for errors. */
  readonly location?: string;
  readonly pipelines: readonly RestoringPipeline[];
  /** State that nothing in the job takes is dropped instead of refused (Flink `--allowNonRestoredState`). */
  readonly allowNonRestoredState: boolean;
}

/** One pipeline of a job that is to be restored. */
export interface RestoringPipeline {
  readonly id: string;
  /** When given, state of another source under the same pipeline id is refused, always. */
  readonly sourceName?: string;
  readonly operatorNames: readonly string[];
}

/**
 * Checks that all state of a checkpoint finds its pipeline and operator in the job (Flink
 * `Checkpoints.loadAndValidateCheckpoint`). A pipeline or operator without state is fine: it is new.
 *
 * Throws CHECKPOINT_OTHER_JOB, or CHECKPOINT_STATE_UNMATCHED naming all that does not match.
 */
export function verifyRestorable(data: CheckpointData, job: RestoringJob): void {
  const name = checkpointName(data, job.location);
  if (data.jobName !== job.jobName) {
    throw new HeadwaterError(
      "CHECKPOINT_OTHER_JOB",
      `${name} belongs to job "${data.jobName}", this is job "${job.jobName}"`,
      {
        domain: "user",
        retry: "never",
        scope: "job",
        hint: `Restore from a checkpoint of "${job.jobName}", or give the job its former name back.`,
      },
    );
  }
  const known = new Map(job.pipelines.map((pipeline) => [pipeline.id, pipeline]));
  const swapped: string[] = [];
  const unmatched: string[] = [];
  for (const [id, state] of Object.entries(data.pipelines)) {
    const pipeline = known.get(id);
    if (pipeline === undefined) {
      unmatched.push(`pipeline "${id}"`);
      continue;
    }
    if (pipeline.sourceName !== undefined && pipeline.sourceName !== state.sourceName) {
      swapped.push(
        `pipeline "${id}" had source "${state.sourceName}" and has "${pipeline.sourceName}"`,
      );
    }
    for (const name of operatorNames(state)) {
      if (pipeline.operatorNames.includes(name)) continue;
      unmatched.push(`operator "${name}" of pipeline "${id}"`);
    }
  }
  if (swapped.length > 0) {
    throw unmatchedState(
      `${name} does not fit: ${swapped.join(", ")}: the state of one source means nothing to another`,
      "Give the new source a pipeline id of its own.",
    );
  }
  if (unmatched.length > 0 && !job.allowNonRestoredState) {
    throw unmatchedState(
      `${name} has state for ${unmatched.join(", ")}, which the job does not have`,
      "Give what was renamed its former name, or drop this state with allowNonRestoredState (--allow-non-restored-state).",
    );
  }
}

/** How errors call a checkpoint. */
export function checkpointName(
  { kind, checkpointId }: CheckpointData,
  location: string | undefined,
): string {
  return `${kind.toLowerCase()} ${checkpointId}${location === undefined ? "" : ` at ${location}`}`;
}

function operatorNames(state: PipelineState): ReadonlySet<string> {
  return new Set(state.subtasks.flatMap((subtask) => Object.keys(subtask.operators)));
}

function unmatchedState(message: string, hint: string): HeadwaterError {
  return new HeadwaterError("CHECKPOINT_STATE_UNMATCHED", message, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint,
  });
}
