import type { SerializedSplits } from "../api/operator-event.js";
import { illegalArgument } from "../errors/index.js";
import { dealKeyedState, isKeyedState } from "../state/keyed-state-bytes.js";
import type { OperatorState, PipelineState, SubtaskState } from "./checkpoint-data.js";

/** What one new subtask is started with. */
export interface RestoredSubtask {
  /** One entry a version of the split serializer. */
  readonly splits: readonly SerializedSplits[];
  /** By the operator's name; after rescaling an operator may get several states, or none. */
  readonly operators: Readonly<Record<string, readonly OperatorState[]>>;
  /** It has nothing to read: only its operators' state is restored. */
  readonly finished: boolean;
}

/**
 * Deals a pipeline's state to `parallelism` new subtasks (Flink `StateAssignmentOperation` with
 * `RoundRobinOperatorStateRepartitioner`).
 *
 * With the same parallelism every subtask gets its own state back. Otherwise the splits of all old
 * subtasks are dealt round-robin, and so are the states of each operator. Of keyed state every entry
 * goes to the subtask that the hash of its key names, so that all entries of a key meet; each new
 * subtask gets a part of every old state. A new subtask is finished only when all old ones were. Every operator name is present in every result.
 */
export function redistributeState(
  state: PipelineState,
  parallelism: number,
): readonly RestoredSubtask[] {
  if (!Number.isSafeInteger(parallelism) || parallelism < 1) {
    throw illegalArgument(`a pipeline cannot be restored with parallelism ${parallelism}`);
  }
  if (parallelism === state.parallelism) return state.subtasks.map(unchanged);
  const finished = state.subtasks.every((subtask) => subtask.finished);
  const splits = dealSplits(state.subtasks, parallelism);
  const operators = dealOperators(state.subtasks, parallelism);
  return splits.map((own, subtask) => ({
    splits: own,
    operators: Object.fromEntries(
      operators.map(([name, hands]) => [name, hands[subtask] as readonly OperatorState[]]),
    ),
    finished,
  }));
}

function unchanged(subtask: SubtaskState): RestoredSubtask {
  return {
    splits: subtask.splits.splits.length === 0 ? [] : [subtask.splits],
    operators: Object.fromEntries(
      Object.entries(subtask.operators).map(([name, operator]) => [name, [operator]]),
    ),
    finished: subtask.finished,
  };
}

function dealSplits(
  subtasks: readonly SubtaskState[],
  parallelism: number,
): readonly (readonly SerializedSplits[])[] {
  const hands = Array.from({ length: parallelism }, () => new Map<number, Uint8Array[]>());
  let next = 0;
  for (const { splits } of subtasks) {
    for (const split of splits.splits) {
      const hand = hands[next++ % parallelism] as Map<number, Uint8Array[]>;
      const sameVersion = hand.get(splits.version);
      if (sameVersion === undefined) hand.set(splits.version, [split]);
      else sameVersion.push(split);
    }
  }
  return hands.map((hand) => [...hand].map(([version, dealt]) => ({ version, splits: dealt })));
}

function dealOperators(
  subtasks: readonly SubtaskState[],
  parallelism: number,
): readonly (readonly [string, readonly (readonly OperatorState[])[]])[] {
  const names = new Set(subtasks.flatMap((subtask) => Object.keys(subtask.operators)));
  return [...names].map((name) => {
    const hands = Array.from({ length: parallelism }, (): OperatorState[] => []);
    let next = 0;
    for (const { operators } of subtasks) {
      if (!Object.hasOwn(operators, name)) continue;
      const state = operators[name] as OperatorState;
      const round = next++ % parallelism;
      if (!isKeyedState(state)) {
        hands[round]?.push(state);
        continue;
      }
      const dealt = dealKeyedState(state.bytes, parallelism, round);
      for (const [subtask, bytes] of dealt.entries()) {
        hands[subtask]?.push({ version: state.version, bytes });
      }
    }
    return [name, hands];
  });
}
