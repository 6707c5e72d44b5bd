import fc from "fast-check";
import type {
  CheckpointData,
  OperatorState,
  PipelineState,
  SubtaskState,
} from "../../src/checkpoint/index.js";

export function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

export function subtaskState(overrides: Partial<SubtaskState> = {}): SubtaskState {
  return {
    finished: false,
    splits: { version: 1, splits: [bytes(1, 2, 3)] },
    operators: { count: { version: 2, bytes: bytes(9) } },
    ...overrides,
  };
}

export function pipelineState(overrides: Partial<PipelineState> = {}): PipelineState {
  const subtasks = overrides.subtasks ?? [subtaskState(), subtaskState({ finished: true })];
  return {
    sourceName: "flights",
    parallelism: subtasks.length,
    coordinator: bytes(7, 8),
    subtasks,
    ...overrides,
  };
}

export function checkpointData(overrides: Partial<CheckpointData> = {}): CheckpointData {
  return {
    formatVersion: 2,
    jobName: "flights",
    checkpointId: 7,
    kind: "CHECKPOINT",
    triggeredAt: 1_700_000_000_000,
    pipelines: { "source-0": pipelineState() },
    ...overrides,
  };
}

const name = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("__proto__", "constructor", "prototype", "toString", "\ud800", ""),
);
const state = fc.uint8Array({ maxLength: 40 });
const version = fc.integer({ min: -1, max: 2 ** 31 });

const operator: fc.Arbitrary<OperatorState> = fc.record({ version, bytes: state });

const watermark = fc.oneof(
  fc.integer(),
  fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);

const subtask: fc.Arbitrary<SubtaskState> = fc.record(
  {
    finished: fc.boolean(),
    splits: fc.record({ version, splits: fc.array(state, { maxLength: 4 }) }),
    operators: entries(operator),
    watermark,
  },
  { requiredKeys: ["finished", "splits", "operators"] },
);

const pipeline: fc.Arbitrary<PipelineState> = fc
  .tuple(name, state, fc.array(subtask, { minLength: 1, maxLength: 3 }))
  .map(([sourceName, coordinator, subtasks]) => ({
    sourceName,
    coordinator,
    subtasks,
    parallelism: subtasks.length,
  }));

/** Checkpoints with whatever names and bytes a job may come up with. */
export const anyCheckpoint: fc.Arbitrary<CheckpointData> = fc.record({
  formatVersion: fc.constant(1),
  jobName: name.filter((text) => text !== ""),
  checkpointId: fc.nat(),
  kind: fc.constantFrom("CHECKPOINT" as const, "SAVEPOINT" as const),
  triggeredAt: fc.integer({ min: 0, max: 2 ** 45 }),
  pipelines: entries(pipeline),
});

function entries<T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> {
  return fc
    .uniqueArray(fc.tuple(name, value), { maxLength: 3, selector: ([key]) => key })
    .map((pairs) => Object.fromEntries(pairs));
}

/** An object's entries in the order of their keys: prints the same when it holds the same. */
export function comparable(data: CheckpointData): unknown {
  return Object.entries(data.pipelines)
    .map(([id, { subtasks, ...rest }]) => ({
      id,
      ...rest,
      subtasks: subtasks.map(({ operators, ...other }) => ({
        ...other,
        operators: Object.entries(operators),
      })),
    }))
    .concat([{ ...data, pipelines: undefined } as never]);
}
