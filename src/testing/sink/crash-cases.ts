import { check } from "../harness/failed.js";
import type { SuiteCase } from "../harness/suite.js";
import type { SinkPlace } from "./sink-probe.js";
import { SinkScenario } from "./sink-scenario.js";
import type { TestedTarget, TestSinkOptions } from "./tested-sink.js";

/** Failures at every step between a record and its being seen. */
export function crashCases<T, TargetT extends TestedTarget<T>>(
  options: TestSinkOptions<T, TargetT>,
): readonly SuiteCase[] {
  const { delivery, records = 40, lacks = {} } = options;
  const promise = delivery === "exactly-once" ? "once" : "at least once";
  const notTried = delivery === "none" ? "it promises nothing after a failure" : undefined;
  const parallelism = lacks.manyWriters === undefined ? 2 : 1;
  const play = (action: (scenario: SinkScenario<T, TargetT>) => Promise<void>): Promise<void> =>
    SinkScenario.play(options, records, action);
  const crashIn = (place: SinkPlace): Promise<void> =>
    play(async (one) => {
      const running = await one.start({ parallelism, allow: 0 });
      const { job, probe } = running;
      await one.read(running, Math.floor(records / 3));
      await one.checkpoint(running);
      if (place === "createWriter") {
        probe.failIn("createWriter");
        probe.failIn("write");
      } else probe.failIn(place);
      await one.read(running, Math.floor((2 * records) / 3));
      if (place !== "write") await one.checkpoint(running).catch(() => {});
      if (probe.isDue(place) && isOptional(place)) return void (await one.writeAll(running));
      await job.until(() => job.handle.status().restarts > 0, "the restart");
      await one.writeAll(running);
      check(!probe.isDue(place), `${place} was not called`);
    });
  const crash = (place: SinkPlace, when: string): SuiteCase => ({
    name: `has written every record ${promise} when ${when}`,
    notTried,
    run: () => crashIn(place),
  });
  return [
    crash("write", "a write fails"),
    crash("flush", "a flush fails"),
    crash("createWriter", "a writer cannot be made again at once"),
    crash("prepareCommit", "it fails to prepare a commit, if it commits"),
    crash("before commit", "it fails before a commit, if it commits"),
    crash("after commit", "it fails after a commit, if it commits"),
    {
      name: `has written every record ${promise} when another job commits what a checkpoint holds`,
      notTried,
      run: () =>
        play(async (one) => {
          if (one.options.sink(one.target).committer === undefined) return;
          const first = await one.start({ parallelism, allow: 0, failsForGood: true });
          await one.read(first, Math.floor(records / 2));
          first.probe.failIn("before commit", 1000);
          const from = await one.checkpoint(first);
          await first.job.until(() => first.job.hasEnded, "the failure of the first job");
          await one.writeAll(await one.start({ parallelism, from }));
        }),
    },
    {
      name: "takes a commit that comes twice, if it commits",
      notTried,
      run: () =>
        play(async (one) => {
          const running = await one.start({
            parallelism,
            allow: 0,
            prepare: (probe) => {
              probe.commitsTwice = true;
            },
          });
          await one.read(running, Math.floor(records / 2));
          await one.checkpoint(running);
          await one.writeAll(running);
        }),
    },
  ];
}

/** What a sink that does not commit is never asked. */
function isOptional(place: SinkPlace): boolean {
  return place === "prepareCommit" || place === "before commit" || place === "after commit";
}
