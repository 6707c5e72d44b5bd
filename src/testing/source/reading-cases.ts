import { check } from "../harness/failed.js";
import type { SuiteCase } from "../harness/suite.js";
import { SourceScenario } from "./source-scenario.js";
import type { TestedSystem, TestSourceOptions } from "./tested-source.js";

/** Reading from the beginning, with any number of readers, to the end. */
export function readingCases<T, SystemT extends TestedSystem<T>>(
  options: TestSourceOptions<T, SystemT>,
): readonly SuiteCase[] {
  const { lacks = {}, unbounded = false, records = 5 } = options;
  const ends = options.ends ?? !unbounded;
  const play = (
    need: { splits?: number; records?: number },
    action: (scenario: SourceScenario<T, SystemT>) => Promise<void>,
  ): Promise<void> => SourceScenario.play(options, need, action);
  const noEnd = ends ? undefined : "it has no end";
  return [
    {
      name: "says whether it has an end",
      run: () =>
        play({ splits: 1 }, async ({ options: { source }, system }) => {
          const { boundedness } = source(system);
          const expected = unbounded ? "CONTINUOUS_UNBOUNDED" : "BOUNDED";
          check(boundedness === expected, `boundedness is ${boundedness} instead of ${expected}`);
        }),
    },
    {
      name: "reads every record of a single split once",
      run: () => play({ splits: 1 }, async (one) => void (await one.readAll(await one.start()))),
    },
    {
      name: "reads every record of many splits once, with one reader",
      notTried: lacks.manySplits,
      run: () => play({}, async (one) => void (await one.readAll(await one.start()))),
    },
    {
      name: "reads every record of many splits once, with several readers",
      notTried: lacks.manySplits,
      run: () =>
        play({}, async (one) => void (await one.readAll(await one.start({ parallelism: 2 })))),
    },
    {
      name: "reads every record while some readers have nothing to read",
      run: () =>
        play({ splits: 1 }, async (one) => {
          const running = await one.start({ parallelism: 4 });
          await one.readAll(running);
          const { size } = running.probe.readers;
          check(size === 4, `${size} of 4 readers have started`);
        }),
    },
    {
      name: "reads nothing where there is nothing",
      notTried: lacks.empty,
      run: () => play({ records: 0 }, async (one) => void (await one.readAll(await one.start()))),
    },
    {
      name: "ends once in every reader when all is read",
      notTried: noEnd,
      run: () =>
        play({}, async (one) => {
          const running = await one.start({ parallelism: 3 });
          const { state } = await one.readAll(running);
          check(state === "FINISHED", `the job is ${state}`);
          check(running.probe.ended === 3, `${running.probe.ended} of 3 readers have ended`);
        }),
    },
    {
      name: "tells each registered reader once that no more splits come",
      notTried: noEnd,
      run: () =>
        play({}, async (one) => {
          const running = await one.start({ parallelism: 3 });
          await one.readAll(running);
          const { ends, hasPhases } = running.probe;
          check(
            ends.length === 3 && ends.every((times) => (hasPhases ? times > 0 : times === 1)),
            `3 readers were told it ${ends.join(", ")} times`,
          );
        }),
    },
    {
      name: "reads what is written while it runs",
      notTried: unbounded ? lacks.moreRecords : "it has an end",
      run: () =>
        play({}, async (one) => {
          const running = await one.start({ parallelism: 2 });
          const before = await one.total();
          await running.job.until(() => running.ledger.seen >= before, "the first records");
          const { system } = one;
          check(system.write !== undefined, "the external system lacks moreRecords or has write");
          for (let i = 0; i < 2; i++) {
            for (let split = 0; split < one.need.splits; split++) await system.write(split, 3);
          }
          await one.readAll(running);
        }),
    },
    {
      name: "reads splits that are found while it runs",
      notTried: unbounded ? lacks.moreSplits : "it has an end",
      run: () =>
        play({}, async (one) => {
          const running = await one.start({ parallelism: 2 });
          const before = await one.total();
          await running.job.until(() => running.ledger.seen >= before, "the first records");
          const { system } = one;
          check(
            system.addSplit !== undefined,
            "the external system lacks moreSplits or has addSplit",
          );
          await system.addSplit(records);
          await one.readAll(running);
        }),
    },
    {
      name: "reads the same again in another job, as one source object holds no state",
      notTried: lacks.replay ?? lacks.reuse,
      run: () =>
        play({}, async (one) => {
          const source = one.options.source(one.system);
          for (let i = 0; i < 2; i++)
            await one.readAll(await one.start({ parallelism: 2 }, source));
        }),
    },
    {
      name: "has metrics that are numbers, and counts what it emits",
      run: () =>
        play({}, async (one) => {
          const running = await one.start({ parallelism: 2 });
          const { metrics } = await one.readAll(running);
          const wrong = Object.entries(metrics).filter(([, value]) => Number.isNaN(value));
          check(wrong.length === 0, `no numbers: ${wrong.map(([name]) => name).join(", ")}`);
          const counted = Object.entries(metrics)
            .filter(([name]) => name.endsWith(".numRecordsOut"))
            .reduce((sum, [, value]) => sum + value, 0);
          const { emitted } = running.probe;
          check(counted === emitted, `numRecordsOut says ${counted}, emitted were ${emitted}`);
        }),
    },
  ];
}
