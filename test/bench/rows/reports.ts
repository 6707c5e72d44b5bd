import { performance } from "node:perf_hooks";
import { SourceCoordinatorActor } from "../../../src/coordinator/index.js";
import { numberSequenceSource } from "../../../src/index.js";
import { type Actor, ActorSystem } from "../../../src/mailbox/index.js";
import { MetricRegistry } from "../../../src/metrics/index.js";
import { type Benchmark, type Measurement, value } from "../benchmark.js";

const OPERATORS = 1000;
const REPORTS = 2_000_000;
/** Reports posted before the coordinator gets its turn. */
const BURST = 10_000;

/** Operators report watermarks to one coordinator through its mailbox, as they do under alignment. */
async function reportWatermarks(scale: number): Promise<Measurement> {
  const system = new ActorSystem();
  let handled = 0;
  const ignore: Actor = { receive: () => {}, onError: fail };
  for (const address of ["job", "checkpoints"]) system.spawn(address, () => ignore);
  system.spawn("coordinator", (context) => {
    const actor = new SourceCoordinatorActor(context, {
      pipeline: "bench",
      source: numberSequenceSource({ from: 1, to: 2 }),
      parallelism: OPERATORS,
      jobMaster: "job",
      checkpointCoordinator: "checkpoints",
      metricGroup: new MetricRegistry().root(),
      alignment: { group: "bench", maxDrift: 1000, updateInterval: 100 },
    });
    const counted: Actor = {
      receive: (event) => {
        actor.receive(event as never);
        if (event.type === "OperatorEvent") handled++;
      },
      onError: fail,
    };
    return counted;
  });
  const operators = Array.from({ length: OPERATORS }, (_, subtask) => {
    const address = `operator-${subtask}`;
    system.spawn(address, () => ignore);
    return address;
  });
  system.post("job", "coordinator", { type: "StartCoordinator" } as never);
  for (const [subtask, address] of operators.entries()) {
    const ready = { type: "AttemptReady", subtask, attempt: 0, address };
    system.post(address, "coordinator", ready as never);
    postFrom(subtask, {
      type: "ReaderRegistration",
      subtaskId: subtask,
      location: "localhost",
      splits: { version: 1, splits: [] },
    });
  }
  await until(() => handled >= OPERATORS);
  const total = REPORTS * scale;
  const started = performance.now();
  for (let posted = 0; posted < total; ) {
    for (let i = 0; i < BURST; i++, posted++) {
      postFrom(posted % OPERATORS, { type: "ReportedWatermark", watermark: posted });
    }
    await until(() => handled >= OPERATORS + posted);
  }
  const ms = performance.now() - started;
  system.post("job", "coordinator", { type: "CloseCoordinator" } as never);
  return { ms, records: total, values: { reportsPerSecond: (total / ms) * 1000 } };

  function postFrom(subtask: number, event: object): void {
    system.post(operators[subtask] as string, "coordinator", {
      type: "OperatorEvent",
      subtask,
      attempt: 0,
      event,
    } as never);
  }
}

function fail(error: unknown): never {
  throw error;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

export const reports: Benchmark = {
  work: "watermark reports of 1,000 operators through one coordinator",
  contestants: { headwater: reportWatermarks },
  goals: [
    value("reports handled", "headwater", "reportsPerSecond", { unit: "/s", atLeast: 100_000 }),
  ],
};
