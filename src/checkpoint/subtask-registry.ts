import type { CheckpointContext } from "../../machines/checkpoint-facts.js";
import type { Address } from "../mailbox/index.js";
import type { SubtaskState } from "./checkpoint-data.js";
import type { SubtaskFinished, SubtaskRunning } from "./checkpoint-event.js";

/**
 * Owns: where running subtasks are, and the final states of finished ones. Called by: the checkpoint
 * coordinator's actions; which attempt counts is the machine's knowledge.
 */
export class SubtaskRegistry {
  readonly #addresses = new Map<string, Map<number, Address>>();
  readonly #finalStates = new Map<string, Map<number, SubtaskState>>();

  running({ pipeline, subtask, address }: SubtaskRunning): void {
    this.#finalStates.get(pipeline)?.delete(subtask);
    put(this.#addresses, pipeline, subtask, address);
  }

  finished({ pipeline, subtask, state, awaits }: SubtaskFinished): void {
    if (awaits === undefined) this.#addresses.get(pipeline)?.delete(subtask);
    put(this.#finalStates, pipeline, subtask, state);
  }

  gone(pipeline: string, subtask: number): void {
    this.#addresses.get(pipeline)?.delete(subtask);
    this.#finalStates.get(pipeline)?.delete(subtask);
  }

  /** Where the running subtasks are. */
  addresses(): readonly Address[] {
    return [...this.#addresses.values()].flatMap((ofPipeline) => [...ofPipeline.values()]);
  }

  forEachFinalState(visit: (pipeline: string, subtask: number, state: SubtaskState) => void): void {
    for (const [pipeline, states] of this.#finalStates) {
      for (const [subtask, state] of states) visit(pipeline, subtask, state);
    }
  }
}

/** By subtask of the pipeline: the attempt that has to take part in a checkpoint; -1: none. */
export function runningAttempts(
  { pipelines }: CheckpointContext,
  pipeline: string,
): readonly number[] {
  const subtasks = pipelines.find(({ id }) => id === pipeline)?.subtasks ?? [];
  return subtasks.map(({ attempt, status }) => (status === "RUNNING" ? attempt : -1));
}

function put<T>(
  into: Map<string, Map<number, T>>,
  pipeline: string,
  subtask: number,
  value: T,
): void {
  const ofPipeline = into.get(pipeline);
  if (ofPipeline === undefined) into.set(pipeline, new Map([[subtask, value]]));
  else ofPipeline.set(subtask, value);
}
