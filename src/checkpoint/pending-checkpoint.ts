import { checkState } from "../errors/index.js";
import type { Address, Cancel } from "../mailbox/index.js";
import {
  CHECKPOINT_FORMAT_VERSION,
  type CheckpointData,
  type CheckpointKind,
  type PipelineState,
  type SubtaskState,
} from "./checkpoint-data.js";
import type { RequestBatch } from "./checkpoint-request-queue.js";

/** One pipeline of the job, as the checkpoint coordinator is told. */
export interface CheckpointedPipeline {
  readonly id: string;
  readonly sourceName: string;
  readonly parallelism: number;
  readonly coordinator: Address;
}

/** What a checkpoint is taken for. */
export interface PendingCheckpointOptions {
  readonly checkpointId: number;
  readonly kind: CheckpointKind;
  readonly stop: boolean;
  readonly requests: RequestBatch;
  /** Wall clock. */
  readonly triggeredAt: number;
  /** Monotonic. */
  readonly startedAt: number;
  readonly cancelTimeout: Cancel;
  /** The source coordinators and subtasks that take part: only they hear how it ended. */
  readonly participants: readonly Address[];
}

/**
 * Owns: the states that came in for one checkpoint. Called by: the checkpoint coordinator's actions.
 * Invariants: who has still to acknowledge is the machine's knowledge; `assemble` is called when it
 * says nobody, and checks that nothing is missing.
 */
export class PendingCheckpoint {
  readonly options: PendingCheckpointOptions;
  readonly #coordinators = new Map<string, Uint8Array>();
  readonly #subtasks = new Map<string, Map<number, SubtaskState>>();

  constructor(options: PendingCheckpointOptions) {
    this.options = options;
  }

  addCoordinator(pipeline: string, state: Uint8Array): void {
    this.#coordinators.set(pipeline, state);
  }

  /** The first state of a subtask stays: what it acknowledged at the barrier is its part of the cut. */
  addSubtask(pipeline: string, subtask: number, state: SubtaskState): void {
    let ofPipeline = this.#subtasks.get(pipeline);
    if (ofPipeline === undefined) {
      ofPipeline = new Map();
      this.#subtasks.set(pipeline, ofPipeline);
    }
    if (!ofPipeline.has(subtask)) ofPipeline.set(subtask, state);
  }

  assemble(jobName: string, pipelines: readonly CheckpointedPipeline[]): CheckpointData {
    const { checkpointId, kind, triggeredAt } = this.options;
    const states = pipelines.map(
      (pipeline) => [pipeline.id, this.#pipelineState(pipeline)] as const,
    );
    return {
      formatVersion: CHECKPOINT_FORMAT_VERSION,
      jobName,
      checkpointId,
      kind,
      triggeredAt,
      pipelines: Object.fromEntries(states),
    };
  }

  #pipelineState({ id, sourceName, parallelism }: CheckpointedPipeline): PipelineState {
    const coordinator = this.#coordinators.get(id);
    checkState(coordinator !== undefined, `${this.#name()} has no state of coordinator ${id}`);
    const subtasks = Array.from({ length: parallelism }, (_, subtask) => {
      const state = this.#subtasks.get(id)?.get(subtask);
      checkState(
        state !== undefined,
        `${this.#name()} has no state of subtask ${subtask} of ${id}`,
      );
      return state;
    });
    return { sourceName, parallelism, coordinator, subtasks };
  }

  #name(): string {
    return `checkpoint ${this.options.checkpointId}`;
  }
}
