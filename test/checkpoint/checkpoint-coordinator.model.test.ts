import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CheckpointCompleted } from "../../src/api/job-event.js";
import type { CheckpointData, RequestFinished } from "../../src/checkpoint/index.js";
import { CheckpointJob, stateOf } from "./checkpoint-job.js";
import { diskFull } from "./gated-storage.js";

const SUBTASKS = ["a/0", "a/1", "b/0"] as const;
const PIPELINES = ["a", "b"] as const;
const TIMEOUT = 1000;
/** The attempt that forged acknowledgements name in their state. */
const NEVER_RUNS = 255;

/** What the test knows by itself. */
interface Model {
  readonly status: Map<string, "RUNNING" | "FINISHED" | "GONE">;
  /** Every attempt that has ever run or finished, by subtask. */
  readonly attempts: Map<string, Set<number>>;
  requests: number;
}

type Command = fc.AsyncCommand<Model, CheckpointJob>;

function command(
  name: string,
  run: (model: Model, job: CheckpointJob) => void | Promise<void>,
  check: (model: Readonly<Model>) => boolean = () => true,
): Command {
  return {
    check,
    async run(model, job) {
      await run(model, job);
      checkInvariants(model, job);
    },
    toString: () => name,
  };
}

function start(model: Model, job: CheckpointJob, name: string): void {
  const [pipeline = "", subtask] = name.split("/");
  const { id } = job.start(pipeline, Number(subtask));
  model.status.set(name, "RUNNING");
  model.attempts.set(name, (model.attempts.get(name) ?? new Set()).add(id.attempt));
}

function request(model: Model, job: CheckpointJob, target?: string): string {
  model.requests++;
  return target === undefined
    ? job.request()
    : job.request({ kind: "SAVEPOINT", target: `${target}-${model.requests}` });
}

const subtaskName = fc.constantFrom(...SUBTASKS);
const answerer = fc.constantFrom(
  ...SUBTASKS.map((name) => `subtask ${name}`),
  ...PIPELINES.map((name) => `coordinator ${name}`),
);

const isRunning = (name: string) => (model: Readonly<Model>) =>
  model.status.get(name) === "RUNNING";

const commands = [
  fc.constant(command("request a checkpoint", (model, job) => void request(model, job))),
  fc.constant(command("request a savepoint", (model, job) => void request(model, job, "/save"))),
  fc.constant(
    command("settle", async (_, job) => {
      await job.settle();
      // Nobody is slow: whatever was asked for has ended, one way or the other.
      if (job.held.size > 0 || job.storage.isHeld) return;
      expect(job.metrics().numberOfInProgressCheckpoints).toBe(0);
    }),
  ),
  subtaskName.map((name) =>
    command(`old attempt of ${name} acknowledges`, (model, job) => {
      const current = Math.max(...(model.attempts.get(name) ?? []));
      const [pipeline = "", subtask] = name.split("/");
      job.post({
        type: "CheckpointAcknowledged",
        pipeline,
        subtask: Number(subtask),
        attempt: current - 1,
        checkpointId: job.triggered().at(-1) ?? 1,
        state: stateOf(NEVER_RUNS, 0, true),
      });
    }),
  ),
  fc
    .constantFrom(1, 400, TIMEOUT)
    .map((ms) => command(`advance ${ms}`, (_, job) => job.advance(ms))),
  answerer.map((who) => command(`hold ${who}`, (_, job) => void job.held.add(who))),
  answerer.map((who) => command(`release ${who}`, (_, job) => job.release(who))),
  answerer.map((who) =>
    command(`${who} declines or no longer`, (_, { declining }) => {
      if (!declining.delete(who)) declining.add(who);
    }),
  ),
  subtaskName.map((name) =>
    command(
      `fail ${name}`,
      (model, job) => {
        job.fail(name);
        model.status.set(name, "GONE");
      },
      isRunning(name),
    ),
  ),
  subtaskName.map((name) =>
    command(
      `finish ${name}`,
      (model, job) => {
        job.finish(name);
        model.status.set(name, "FINISHED");
      },
      isRunning(name),
    ),
  ),
  subtaskName.map((name) =>
    command(
      `start ${name}`,
      (model, job) => start(model, job, name),
      (model) => !isRunning(name)(model),
    ),
  ),
  fc.constantFrom(...PIPELINES).map((pipeline) =>
    command(`replace coordinator ${pipeline}`, (model, job) => {
      job.replaceCoordinator(pipeline);
      for (const name of SUBTASKS) if (name[0] === pipeline) model.status.set(name, "GONE");
    }),
  ),
  fc.constant(
    command("storage holds or no longer", (_, { storage }) => {
      storage.isHeld = !storage.isHeld;
      if (!storage.isHeld) storage.release();
    }),
  ),
  fc.constant(
    command("storage breaks or works", (_, { storage }) => {
      storage.failure = storage.failure === undefined ? diskFull() : undefined;
    }),
  ),
  fc.constant(command("suspend", (_, job) => job.post({ type: "Suspend", replyTo: "job/master" }))),
  fc.constant(command("resume", (_, job) => job.post({ type: "Resume" }))),
];

function checkInvariants(model: Model, job: CheckpointJob): void {
  for (const data of job.storage.stored) checkWhole(data, model);
  const durable = new Set(job.storedIds());
  for (const name of SUBTASKS) {
    if (model.status.get(name) !== "RUNNING") continue;
    const heard = job.subtask(name).events.map((event) => event as CheckpointCompleted);
    const completed = heard.filter((event) => event.type === "CheckpointCompleted");
    for (const { checkpointId } of completed) expect(durable).toContain(checkpointId);
    expect(new Set(completed.map((event) => event.checkpointId)).size).toBe(completed.length);
  }
  const triggered = job.triggered();
  expect(triggered).toEqual([...triggered].sort((a, b) => a - b));
  const answered = job.answers().map((event) => (event as RequestFinished).requestId);
  expect(new Set(answered).size).toBe(answered.length);
  expect(job.reports("CheckpointCoordinatorFailed")).toEqual([]);
}

/** Nothing is missing, and nothing is of another checkpoint or of an attempt that never ran. */
function checkWhole(data: CheckpointData, model: Model): void {
  for (const pipeline of PIPELINES) {
    const state = data.pipelines[pipeline];
    expect(state?.coordinator).toEqual(Uint8Array.of(data.checkpointId));
    state?.subtasks.forEach((subtask, index) => {
      const [attempt, checkpointId] = subtask.splits.splits[0] as Uint8Array;
      expect(model.attempts.get(`${pipeline}/${index}`)).toContain(attempt);
      if (!subtask.finished) expect(checkpointId).toBe(data.checkpointId);
    });
  }
}

/** Whatever has happened: when all is well again, a checkpoint completes. */
async function recovers(model: Model, job: CheckpointJob): Promise<void> {
  job.declining.clear();
  job.held.clear();
  job.storage.isHeld = false;
  job.storage.failure = undefined;
  job.storage.release();
  await job.release();
  await job.advance(TIMEOUT);
  for (const name of SUBTASKS) if (model.status.get(name) === "GONE") start(model, job, name);
  job.post({ type: "Resume" });
  await job.settle();
  const requestId = request(model, job);
  await job.settle();
  expect(job.answers().at(-1)).toMatchObject({ type: "RequestFinished", requestId });
  expect(job.answers()).toHaveLength(model.requests);
  expect(job.metrics().numberOfInProgressCheckpoints).toBe(0);
  checkInvariants(model, job);
}

describe("the checkpoint coordinator, whatever happens in whatever order", () => {
  it("never completes without every acknowledgement, and can always complete again", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.commands(commands, { maxCommands: 60, size: "max" }),
        fc.option(fc.constant(300), { nil: undefined }),
        async (run, interval) => {
          const job = new CheckpointJob({
            timeout: TIMEOUT,
            tolerableFailures: 3,
            ...(interval === undefined ? {} : { interval }),
          });
          const model: Model = { status: new Map(), attempts: new Map(), requests: 0 };
          for (const name of SUBTASKS) start(model, job, name);
          await fc.asyncModelRun(() => ({ model, real: job }), run);
          await recovers(model, job);
        },
      ),
      { numRuns: 150 },
    );
  });
});
