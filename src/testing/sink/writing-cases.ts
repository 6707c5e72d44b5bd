import type { CompletedCheckpoint } from "../../checkpoint/index.js";
import { check } from "../harness/failed.js";
import { checkSerializer } from "../harness/serializer-check.js";
import type { SuiteCase } from "../harness/suite.js";
import type { SinkProbe } from "./sink-probe.js";
import { SinkScenario } from "./sink-scenario.js";
import type { TestedTarget, TestSinkOptions } from "./tested-sink.js";

/** Records of a test in which the target takes nothing: more than a job holds. */
const MANY = 30_000;

/** Writing without failures: to the end, over savepoints, against a target that is slow. */
export function writingCases<T, TargetT extends TestedTarget<T>>(
  options: TestSinkOptions<T, TargetT>,
): readonly SuiteCase[] {
  const { lacks = {}, records = 40 } = options;
  const play = (
    action: (scenario: SinkScenario<T, TargetT>) => Promise<void>,
    count = records,
  ): Promise<void> => SinkScenario.play(options, count, action);
  /** Writes a part with each of these numbers of writers, and the rest with the last. */
  const writeWith = (parallelisms: readonly number[]): Promise<void> =>
    play(async (one) => {
      let from: CompletedCheckpoint | undefined;
      for (const [i, parallelism] of parallelisms.entries()) {
        const start = { parallelism, ...(from === undefined ? {} : { from }) };
        const running = await one.start({ ...start, allow: 0 });
        if (i === parallelisms.length - 1) {
          await one.writeAll(running);
          return;
        }
        await one.read(running, Math.floor(records / parallelisms.length));
        from = await one.stop(running);
      }
    });
  return [
    {
      name: "writes every record once, with one writer",
      run: () => play(async (one) => void (await one.writeAll(await one.start()))),
    },
    {
      name: "writes every record once, with several writers",
      notTried: lacks.manyWriters,
      run: () =>
        play(async (one) => void (await one.writeAll(await one.start({ parallelism: 3 })))),
    },
    {
      name: "writes nothing where there is nothing",
      notTried: lacks.empty,
      run: () => play(async (one) => void (await one.writeAll(await one.start())), 0),
    },
    {
      name: "has shown what a checkpoint covers when it shows what comes behind it",
      run: () =>
        play(async (one) => {
          const running = await one.start({ allow: 0 });
          await one.read(running, Math.floor(records / 2));
          const covered = one.textsRead(running);
          await one.checkpoint(running);
          // The next checkpoint takes the commits of this one with it.
          await one.read(running, Math.floor(records / 2) + 1);
          await one.checkpoint(running);
          const visible = new Set(await one.visibleWith(covered));
          const missing = covered.filter((text) => !visible.has(text));
          check(missing.length === 0, `a checkpoint covers ${missing[0]}, and it is not there`);
          await one.writeAll(running);
        }),
    },
    {
      name: "shows nothing before a checkpoint is durable, if it commits",
      run: () =>
        play(async (one) => {
          if (one.options.sink(one.target).committer === undefined) return;
          const running = await one.start({ allow: 0 });
          await one.read(running, Math.floor(records / 2));
          await running.job.rest();
          const visible = await one.visible();
          check(visible.length === 0, `${visible[0]} can be seen before it is committed`);
          await one.writeAll(running);
        }),
    },
    {
      name: "goes on from a savepoint",
      run: () => writeWith([1, 1, 1]),
    },
    {
      name: "goes on from a savepoint with more writers",
      notTried: lacks.manyWriters ?? lacks.rescale,
      run: () => writeWith([1, 2, 4]),
    },
    {
      name: "goes on from a savepoint with fewer writers",
      notTried: lacks.manyWriters ?? lacks.rescale,
      run: () => writeWith([4, 2, 1]),
    },
    {
      name: "holds the source back while its system takes nothing",
      notTried: lacks.backPressure,
      run: () =>
        play(async (one) => {
          const { hold } = one.target;
          check(hold !== undefined, "a target lacks backPressure or has hold");
          const release = hold.call(one.target);
          const running = await one.start();
          try {
            // Until the source stands still, as it has to with much of its input left.
            for (let before = -1; before < running.input.emitted; ) {
              before = running.input.emitted;
              await running.job.rest();
            }
            const { emitted } = running.input;
            check(emitted < MANY, `the sink took all ${MANY} records`);
          } finally {
            release();
          }
          await one.writeAll(running);
        }, MANY),
    },
    {
      name: "takes it when it is closed twice, at the end and while it writes",
      run: () =>
        play(async (one) => {
          const prepare = (probe: SinkProbe): void => {
            probe.closesTwice = true;
          };
          const running = await one.start({ allow: 0, prepare });
          await one.read(running, Math.floor(records / 2));
          const from = await one.stop(running);
          const canceled = await one.start({ allow: 0, prepare, from });
          await canceled.job.until(
            () => canceled.job.handle.status().state === "RUNNING",
            "the start of the writers",
          );
          await canceled.job.result(canceled.job.handle.cancel());
          await one.writeAll(await one.start({ prepare, from }));
        }),
    },
    {
      name: "turns states and committables into bytes and back, and refuses garbage",
      run: () =>
        play(async (one) => {
          const { committer, writerStateSerializer } = one.options.sink(one.target);
          const running = await one.start({ allow: 0 });
          await one.read(running, Math.floor(records / 2));
          await one.checkpoint(running);
          const { committables, states } = running.probe;
          if (committer !== undefined) {
            check(committables.length > 0, "the writer has prepared nothing to commit");
            for (const one of committables)
              checkSerializer(committer.serializer, one, "a committable");
          }
          for (const state of states) {
            check(writerStateSerializer !== undefined, "states need a writerStateSerializer");
            checkSerializer(writerStateSerializer, state, "the writer's state");
          }
          await one.writeAll(running);
        }),
    },
    {
      name: "has metrics that are numbers",
      run: () =>
        play(async (one) => {
          const { metrics } = await one.writeAll(await one.start());
          const wrong = Object.entries(metrics).filter(([, value]) => Number.isNaN(value));
          check(wrong.length === 0, `no numbers: ${wrong.map(([name]) => name).join(", ")}`);
        }),
    },
  ];
}
