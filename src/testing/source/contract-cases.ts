import type { SourceReader } from "../../api/source-reader.js";
import type { SourceSplit } from "../../api/source-split.js";
import { HeadwaterError } from "../../errors/index.js";
import { SeededRandom } from "../../mailbox/index.js";
import { check } from "../harness/failed.js";
import { checkSerializer } from "../harness/serializer-check.js";
import type { SuiteCase } from "../harness/suite.js";
import { SourceScenario } from "./source-scenario.js";
import type { TestedSystem, TestSourceOptions } from "./tested-source.js";

/** Pauses and wake-ups, serializers, closing: what the framework relies on besides records. */
export function contractCases<T, SystemT extends TestedSystem<T>>(
  options: TestSourceOptions<T, SystemT>,
): readonly SuiteCase[] {
  const { lacks = {}, recordsWhilePaused = 200, seed = 1 } = options;
  const play = (
    need: { splits?: number; records?: number },
    action: (scenario: SourceScenario<T, SystemT>) => Promise<void>,
  ): Promise<void> => SourceScenario.play(options, need, action);
  return [
    {
      name: "stops reading a split that is paused, and goes on when it is resumed",
      notTried: lacks.pause,
      run: () =>
        play({ splits: 2, records: recordsWhilePaused }, async (one) => {
          let paused: string | undefined;
          const running = await one.start({
            prepare: (probe) => {
              const pauseFirst: typeof probe.onAssigned = ({ reader }, [split]) => {
                if (paused !== undefined || split === undefined) return;
                paused = split.splitId;
                pause(reader, [paused], []);
              };
              probe.onAssigned = pauseFirst;
            },
          });
          const { job, probe } = running;
          await job.until(() => paused !== undefined, "the first split");
          const recordsRead = (): number => probe.bySplit.get(paused as string)?.length ?? 0;
          let read = -1;
          // Until it stands still, as it has to with much of it left.
          while (read < recordsRead()) {
            read = recordsRead();
            await job.rest();
          }
          check(
            read < recordsWhilePaused,
            `all ${recordsWhilePaused} records of split ${paused} came while it was paused`,
          );
          await job.result(probe.inLoop(0, ({ reader }) => pause(reader, [], [paused as string])));
          await one.readAll(running);
        }),
    },
    {
      name: "says that it cannot pause a split",
      notTried: lacks.pause === undefined ? "it can" : undefined,
      run: () =>
        play({ splits: 1 }, async (one) => {
          const running = await one.start({ allow: 0 });
          const { job, probe } = running;
          await job.until(() => probe.readers.size > 0, "the reader");
          // Only of a split that it has can a reader say so.
          await job.until(() => probe.splits.length > 0 || probe.ends[0] === 1, "the first split");
          const splitId = probe.splits[0]?.splitId;
          const code = await job.result(
            probe.inLoop(0, ({ reader }) => {
              if (reader.pauseOrResumeSplits === undefined || splitId === undefined)
                return "absent";
              try {
                pause(reader, [splitId], []);
                return "none";
              } catch (error) {
                return error instanceof HeadwaterError ? error.code : String(error);
              }
            }),
          );
          if (code === "none") {
            // A split reader says it when its fetcher asks: the reader fails of that.
            const { handle } = job;
            probe.allow(Number.POSITIVE_INFINITY);
            await job.until(() => handle.status().lastError !== undefined, "a refusal to pause");
            const error = JSON.stringify(handle.status().lastError);
            check(error.includes("UNSUPPORTED_OPERATION"), `pausing a split gave ${error}`);
            return;
          }
          check(
            code === "absent" || code === "UNSUPPORTED_OPERATION",
            `pauseOrResumeSplits gave ${code} instead of UNSUPPORTED_OPERATION`,
          );
        }),
    },
    {
      name: `loses and repeats nothing however often fetches are woken up (seed ${seed})`,
      notTried: lacks.pause,
      run: () =>
        play({ records: 30 }, async (one) => {
          const random = new SeededRandom(seed);
          const running = await one.start({ allow: 0 });
          const { job, probe } = running;
          const total = await one.total();
          await job.until(() => probe.readers.size > 0, "the reader");
          const pausedSplits = new Set<string>();
          for (let read = 0; read < total; read += 1 + Math.floor(random.next() * 4)) {
            // A paused split is resumed before the next record is awaited: it may be the only one left.
            const toggle = (): Promise<void> =>
              probe.inLoop(0, ({ reader }) => toggleOne(reader, pausedSplits, random));
            for (let i = 0; i < 2; i++) await job.result(toggle());
            await job.result(
              probe.inLoop(0, ({ reader }) => {
                if (pausedSplits.size > 0) pause(reader, [], [...pausedSplits]);
                pausedSplits.clear();
              }),
            );
            await one.read(running, Math.min(total, read + 1));
          }
          await one.readAll(running);
        }),
    },
    {
      name: "turns splits and the enumerator's state into bytes and back, and refuses garbage",
      run: () =>
        play({}, async (one) => {
          const source = one.options.source(one.system);
          const running = await one.start({ parallelism: 2, allow: 0 }, source);
          const { probe } = running;
          const half = lacks.replay === undefined ? Math.floor((await one.total()) / 2) : 1;
          await one.read(running, half);
          await one.checkpoint(running);
          check(probe.enumeratorStates.length > 0, "the enumerator was not asked for its state");
          for (const split of probe.splits) {
            checkSerializer(source.splitSerializer, split, `split ${split.splitId}`);
          }
          for (const state of probe.enumeratorStates) {
            checkSerializer(source.enumeratorCheckpointSerializer, state, "the enumerator's state");
          }
          await one.readAll(running);
        }),
    },
    {
      name: "takes it when it is closed twice, at the end and while it reads",
      run: () =>
        play({}, async (one) => {
          const prepare = (probe: { closesTwice: boolean }): void => {
            probe.closesTwice = true;
          };
          const half = Math.floor((await one.total()) / 2);
          if (lacks.replay === undefined) {
            const canceled = await one.start({ parallelism: 2, allow: 0, prepare });
            await one.read(canceled, half);
            await canceled.job.result(canceled.job.handle.cancel());
          }
          await one.readAll(await one.start({ parallelism: 2, prepare }));
        }),
    },
  ];
}

function toggleOne(
  reader: SourceReader<unknown, SourceSplit>,
  paused: Set<string>,
  random: SeededRandom,
): void {
  const ids = reader.snapshotState(0).map(({ splitId }) => splitId);
  const id = ids[Math.floor(random.next() * ids.length)];
  if (id === undefined) return;
  if (paused.delete(id)) pause(reader, [], [id]);
  else {
    paused.add(id);
    pause(reader, [id], []);
  }
}

function pause(
  reader: SourceReader<unknown, SourceSplit>,
  toPause: readonly string[],
  toResume: readonly string[],
): void {
  check(
    reader.pauseOrResumeSplits !== undefined,
    "the reader has no pauseOrResumeSplits; a source that cannot pause says so in `lacks.pause`",
  );
  reader.pauseOrResumeSplits(toPause, toResume);
}
