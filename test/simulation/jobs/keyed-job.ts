import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import { type KeyedContext, keyedProcess, statefulProcess } from "../../../src/state/index.js";
import type { ChunkOperator } from "../../../src/stream/index.js";
import { placeOf, timestampOf } from "../log.js";
import { logSource } from "../log-source.js";
import { transactionalSink } from "../sinks.js";
import type { World } from "../world.js";
import { pass } from "./pass.js";
import { checkExactlyOnce, type SimulatedJob } from "./simulated-job.js";

/** Records of a key that wait for their timers. */
interface Held {
  readonly record: number;
  readonly due: number;
}

interface KeyState {
  readonly held: readonly Held[];
}

/** Milliseconds between two timers of a key. */
const PERIOD = 25;
/** Records that the operator behind holds back. */
const HELD_BACK = 2;

/** Timers of a key that nobody set, or that fire twice, find nothing that waits for them. */
function holdUntilTimer(world: World): ChunkOperator<number, number> {
  return keyedProcess<number, number, number, KeyState>({
    name: "hold until timer",
    keyOf: (record) => placeOf(record) % 3,
    state: () => ({ held: [] }),
    merge: (a, b) => ({ held: [...a.held, ...b.held] }),
    onRecord(record, context) {
      const due = Math.ceil((context.timestamp + 1) / PERIOD) * PERIOD;
      if (placeOf(record) % 4 === 3) putOff(context);
      context.update((state) => void state.held.push({ record, due }));
      context.timers.registerEventTimeTimer(due);
    },
    onTimer(time, context) {
      const { key, state } = context;
      const due = state.held.filter((one) => one.due === time);
      const held = state.held.filter((one) => one.due !== time);
      if (due.length === 0) world.violation(`timer ${time} of key ${key} fires for nothing`);
      for (const { record } of due) context.collect(record, timestampOf(record));
      if (held.length === 0) context.clear();
      else context.setState({ held });
    },
  });
}

/** What is due next becomes due one period later; its own timer must not fire. */
function putOff(context: KeyedContext<number, KeyState, number>): void {
  const { state, timers } = context;
  const next = Math.min(...state.held.map(({ due }) => due));
  if (next === Number.POSITIVE_INFINITY) return;
  const later = next + PERIOD;
  timers.deleteEventTimeTimer(next);
  timers.registerEventTimeTimer(later);
  context.setState({
    held: state.held.map((one) => (one.due === next ? { ...one, due: later } : one)),
  });
}

/** Keeps the last records to itself until the end of event time, by immer recipes. */
function holdBack(): ChunkOperator<number, number> {
  return statefulProcess<number, number, KeyState>({
    name: "hold back",
    state: { held: [] },
    merge: (a, b) => ({ held: [...a.held, ...b.held] }),
    onRecord(record, context) {
      context.update((state) => void state.held.push({ record, due: 0 }));
      const [first] = context.state.held;
      if (first === undefined || context.state.held.length <= HELD_BACK) return;
      context.update((state) => void state.held.shift());
      context.collect(first.record);
    },
    onWatermark(watermark, context) {
      if (watermark !== Number.POSITIVE_INFINITY) return;
      for (const { record } of context.state.held) context.collect(record, timestampOf(record));
      context.update(() => ({ held: [] }));
    },
  });
}

/** Keyed state with timers, and a state a subtask: each record is in one of them or in the sink. */
export const keyedJob: SimulatedJob = {
  define: (world) =>
    defineJob("simulated", (env) => {
      env
        .fromSource(logSource(world), monotonousTimestamps<number>())
        .pipe(pass(world.life))
        .pipe(holdUntilTimer(world))
        .pipe(holdBack())
        .sinkTo(transactionalSink(world, { keepsOrder: false, keepsTime: false }));
    }),
  check: (world) => checkExactlyOnce(world, world.sink.committed),
};
