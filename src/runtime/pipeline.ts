import type { Observable } from "rxjs";
import { catchError } from "rxjs/internal/operators/catchError";
import { Subject } from "rxjs/internal/Subject";
import type { Sink } from "../api/sink.js";
import type { AnySource } from "../api/source.js";
import type { WatermarkStrategy } from "../api/watermark.js";
import type { OperatorState } from "../checkpoint/checkpoint-data.js";
import { type ErrorCode, HeadwaterError } from "../errors/index.js";
import type { InspectionObserver } from "../mailbox/index.js";
import { KEYED_STATE_VERSION } from "../state/keyed-state-bytes.js";
import { type Chunk, type ChunkOperator, isStateful } from "../stream/index.js";
import { isStateSnapshot, type StateSnapshot } from "../stream/operator-context.js";
import type { BadRecordRules } from "./bad-record-policy.js";
import type { LoopTimers } from "./loop-timers.js";
import { DEAD_LETTER_STATE, isStatefulSink, SINK_STATE } from "./sink-state.js";
import { operatorFailed, type SubtaskName } from "./subtask-error.js";

/** One source with everything behind it, up to its sink; the unit that is cut into subtasks. */
export interface Pipeline {
  /** Unique in the job and the same in every release: state is found by it. */
  readonly id: string;
  readonly source: AnySource;
  readonly watermarkStrategy: WatermarkStrategy<unknown>;
  readonly operators: readonly ChunkOperator<never, unknown>[];
  readonly sink: Sink<never>;
  /** Undefined: the job's. */
  readonly parallelism: number | undefined;
  readonly badRecords: BadRecordRules;
}

/** The names under which a pipeline's operators keep state. */
export function statefulOperatorNames(pipeline: Pipeline): readonly string[] {
  return pipeline.operators.flatMap((operator: unknown) =>
    isStateful(operator) ? [operator.operatorName] : [],
  );
}

/** All names under which a checkpoint may have state of the pipeline: its operators and its sinks. */
export function stateNames(pipeline: Pipeline): readonly string[] {
  const { sink, badRecords } = pipeline;
  const names = [...statefulOperatorNames(pipeline)];
  if (isStatefulSink(sink)) names.push(SINK_STATE);
  const { deadLetters } = badRecords;
  if (deadLetters !== undefined && isStatefulSink(deadLetters)) names.push(DEAD_LETTER_STATE);
  return names;
}

/** What a subtask gives to its operators. */
export interface ChainContext {
  readonly indexOfSubtask: number;
  readonly currentParallelism: number;
  readonly restored: Readonly<Record<string, readonly OperatorState[]>>;
  /** The subtask's loop. */
  readonly loop: {
    readonly address: string;
    readonly inspect: InspectionObserver | undefined;
    readonly timers: LoopTimers;
  };
  /** When the state is not bytes yet: what serializes some more of it, and says whether there is more. */
  acknowledge(
    checkpointId: number,
    operator: string,
    state: OperatorState | StateSnapshot,
  ): (() => boolean) | undefined;
  decline(checkpointId: number, error: unknown): void;
}

/** The running operators of one attempt: chunks go in at `input` and come out at `output`. */
export interface OperatorChain {
  readonly input: Subject<Chunk<unknown>>;
  readonly output: Observable<Chunk<unknown>>;
  /** The subtask has heard of it, in its loop. */
  checkpointAborted(checkpointId: number): void;
}

/**
 * Builds a pipeline's operators for one attempt, with the state that they are restored from. What
 * one throws becomes OPERATOR_FAILED on `output`.
 */
export function buildChain(pipeline: Pipeline, context: ChainContext): OperatorChain {
  const input = new Subject<Chunk<unknown>>();
  const abortListeners: ((checkpointId: number) => void)[] = [];
  const { address, inspect, timers } = context.loop;
  let output: Observable<Chunk<unknown>> = input;
  const where: SubtaskName = { pipeline: pipeline.id, subtask: context.indexOfSubtask };
  for (const [index, operator] of pipeline.operators.entries()) {
    const name = isStateful(operator)
      ? `operator ${operator.operatorName}`
      : `operator ${index + 1}`;
    const bound = isStateful(operator)
      ? operator.bind({
          indexOfSubtask: context.indexOfSubtask,
          currentParallelism: context.currentParallelism,
          restoredStates: (context.restored[operator.operatorName] ?? []).map((state) =>
            decodeState(operator.operatorName, state),
          ),
          address,
          inspect,
          processingTime: timers,
          runInLoop: (action) => timers.runInLoop(action),
          onCheckpointAborted: (listener) => void abortListeners.push(listener),
          acknowledge: (checkpointId, name, state) => {
            const serializeSome = context.acknowledge(checkpointId, name, encodeState(state));
            if (serializeSome !== undefined) inSlices(serializeSome, timers);
          },
          decline: (checkpointId, error) => context.decline(checkpointId, error),
        })
      : operator;
    output = (bound as ChunkOperator<unknown, unknown>)(output).pipe(
      catchError((error: unknown) => {
        throw operatorFailed(name, where, error);
      }),
    );
  }
  return {
    input,
    output,
    checkpointAborted(checkpointId) {
      for (const listener of abortListeners) listener(checkpointId);
    },
  };
}

/** Milliseconds for reading between two slices. */
const BETWEEN_SLICES = 1;

function inSlices(serializeSome: () => boolean, timers: LoopTimers): void {
  const slice = (): void => {
    if (serializeSome()) timers.registerTimer(BETWEEN_SLICES, slice);
  };
  timers.registerTimer(BETWEEN_SLICES, slice);
}

const STATE_VERSION = 1;

function encodeState(state: unknown): OperatorState | StateSnapshot {
  if (isStateSnapshot(state)) return state;
  const json = JSON.stringify(state ?? null);
  return { version: STATE_VERSION, bytes: new TextEncoder().encode(json) };
}

/** Throws CHECKPOINT_VERSION_UNSUPPORTED or CHECKPOINT_STATE_UNMATCHED, naming the operator. */
export function decodeState(operator: string, state: OperatorState): unknown {
  if (state.version !== STATE_VERSION && state.version !== KEYED_STATE_VERSION) {
    const problem = `has version ${state.version}, this release reads ${STATE_VERSION} and ${KEYED_STATE_VERSION}`;
    throw stateUnreadable(operator, problem, undefined, "CHECKPOINT_VERSION_UNSUPPORTED");
  }
  try {
    return JSON.parse(new TextDecoder().decode(state.bytes));
  } catch (cause) {
    throw stateUnreadable(operator, "is not JSON", cause);
  }
}

function stateUnreadable(
  operator: string,
  why: string,
  cause?: unknown,
  code: ErrorCode = "CHECKPOINT_STATE_UNMATCHED",
): HeadwaterError {
  return new HeadwaterError(code, `the checkpointed state of operator ${operator} ${why}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    cause,
    hint: "Restore from a checkpoint that this release of the job wrote, or start without one.",
  });
}
