import type { CompletedCheckpoint } from "../../checkpoint/index.js";
import { check } from "../harness/failed.js";
import type { SuiteCase } from "../harness/suite.js";
import { type SourceJob, SourceScenario } from "./source-scenario.js";
import type { TestedSystem, TestSourceOptions } from "./tested-source.js";

/** Going on: after a savepoint, with other readers, after failures, from every boundary. */
export function recoveryCases<T, SystemT extends TestedSystem<T>>(
  options: TestSourceOptions<T, SystemT>,
): readonly SuiteCase[] {
  const { lacks = {}, ordered = true } = options;
  const play = (
    need: { splits?: number; records?: number },
    action: (scenario: SourceScenario<T, SystemT>) => Promise<void>,
  ): Promise<void> => SourceScenario.play(options, need, action);
  /** Reads a third with each of these numbers of readers, and the rest with the last. */
  const readWith = (parallelisms: readonly number[]): Promise<void> =>
    play({}, async (one) => {
      const total = await one.total();
      let from: CompletedCheckpoint | undefined;
      for (const [i, parallelism] of parallelisms.entries()) {
        const start = { parallelism, ...(from === undefined ? {} : { from }) };
        const running = await one.start({ ...start, allow: 0 });
        if (i === parallelisms.length - 1) {
          await one.readAll(running);
          return;
        }
        await one.read(running, Math.floor(total / parallelisms.length));
        from = await one.stop(running);
      }
    });
  const failures = [
    ["pollNext", "a reader fails", "reader"],
    ["notifyCheckpointComplete", "its coordinator fails after a checkpoint", "coordinator"],
    ["snapshotState", "its coordinator fails in a checkpoint", "coordinator"],
  ] as const;
  return [
    {
      name: "goes on from a savepoint with exactly the rest",
      notTried: lacks.replay,
      run: () => readWith([2, 2]),
    },
    {
      name: "goes on with more readers, and with more than there are splits",
      notTried: lacks.replay ?? lacks.rescale,
      run: () => readWith([1, 2, 5]),
    },
    {
      name: "goes on with fewer readers",
      notTried: lacks.replay ?? lacks.rescale,
      run: () => readWith([4, 2, 1]),
    },
    {
      name: "gives exactly the rest from a snapshot at every record boundary",
      notTried: lacks.replay,
      run: () =>
        play({}, async (one) => {
          const whole = await one.start();
          await one.readAll(whole);
          const total = await one.total();
          for (let taken = 0; taken <= total; taken++) {
            const first = await one.start({ allow: taken });
            await one.read(first, taken);
            const from = await one.stop(first);
            const second = await one.start({ from });
            await one.readAll(second).catch((error: unknown) => {
              if (error instanceof Error)
                error.message = `after ${taken} records: ${error.message}`;
              throw error;
            });
            if (ordered) checkOrder(whole, [first, second], taken);
          }
        }),
    },
    {
      name: "goes on from a savepoint of a job that went on from a savepoint and read nothing",
      notTried: lacks.replay,
      run: () =>
        play({}, async (one) => {
          const first = await one.start({ allow: 0 });
          await one.read(first, Math.floor((await one.total()) / 2));
          let from = await one.stop(first);
          for (let i = 0; i < 2; i++) from = await one.stop(await one.start({ from, allow: 0 }));
          await one.readAll(await one.start({ from }));
        }),
    },
    ...failures.map(([method, what, who]) => ({
      name: `has every record once in its state when ${what}`,
      notTried: lacks.replay,
      run: () =>
        play({}, async (one) => {
          const total = await one.total();
          for (const at of new Set([0, 1, Math.floor(total / 2)])) {
            const running = await one.start({ parallelism: 2, allow: 0 });
            const { job, probe } = running;
            await one.read(running, at);
            if (who === "reader") {
              await one.checkpoint(running);
              // Past the checkpoint, so that what it does not cover has to be read again.
              await one.read(running, at + 1);
              probe.failIn(method);
            } else {
              probe.failIn(method);
              await one.checkpoint(running).catch(() => {});
            }
            const restarted = (): boolean => job.handle.status().restarts > 0;
            await job.until(restarted, "the restart");
            await one.readAll(running);
            check(probe.failureDue === undefined, `${method} was not called`);
          }
        }),
    })),
    {
      name: "has every record once in its state when its coordinator fails at the start",
      notTried: lacks.replay,
      run: () =>
        play({}, async (one) => {
          for (const method of ["start", "addReader"] as const) {
            const prepare = (probe: SourceJob<T>["probe"]): void => probe.failIn(method);
            const running = await one.start({ parallelism: 2, prepare });
            await one.readAll(running);
            check(running.probe.failureDue === undefined, `${method} was not called`);
          }
        }),
    },
  ];
}

/** What was read of a split before a savepoint and behind it is what is read of it in one go. */
function checkOrder<T>(whole: SourceJob<T>, parts: readonly SourceJob<T>[], taken: number): void {
  for (const [splitId, expected] of whole.probe.bySplit) {
    const actual = parts.flatMap(({ probe }) => probe.bySplit.get(splitId) ?? []);
    // Its splits have other names each time.
    if (actual.length === 0) continue;
    const at = expected.findIndex((text, i) => text !== actual[i]);
    check(
      at < 0,
      `after ${taken} records: record ${at + 1} of split ${splitId} is ${actual[at]} instead of ${expected[at]}`,
    );
  }
}
