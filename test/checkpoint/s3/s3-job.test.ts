import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { explain } from "../../../src/errors/index.js";
import {
  defineJob,
  type JobDefinition,
  noRestart,
  numberSequenceSource,
} from "../../../src/index.js";
import {
  build,
  headwater,
  jobFile,
  type Outcome,
  type RunningCommand,
} from "../../cli/command-line.js";
import { ENVIRONMENT, motoBucket, SECRET } from "./moto-bucket.js";

const SUM = "sum 2000001000000\n";
const s3 = motoBucket();
let directory: string;
let env: NodeJS.ProcessEnv;
const running: RunningCommand[] = [];

// A dozen processes one after another take their time where others work as well.
vi.setConfig({ testTimeout: 120_000 });
beforeAll(build, 180_000);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "hw-"));
  env = {
    ...ENVIRONMENT,
    AWS_ENDPOINT_URL_S3: s3.server.endpoint,
    AWS_EC2_METADATA_DISABLED: "true",
    HOME: directory,
    XDG_RUNTIME_DIR: directory,
  };
});
afterEach(async () => {
  for (const command of running.splice(0)) {
    command.child.kill("SIGKILL");
    await command.done;
  }
  await rm(directory, { recursive: true, force: true });
});

const command = (...args: string[]): Promise<Outcome> => headwater(args, env).done;
const run = (...args: string[]): Promise<Outcome> => command("run", jobFile("sum.ts"), ...args);
const at = (place: string): string => `s3://${s3.bucket}/${place}`;

/** The slow sum, when it has read something and completed a checkpoint. */
async function started(...args: string[]): Promise<RunningCommand> {
  const job = ["run", jobFile("sum.ts"), "--checkpoint-interval", "50ms", ...args];
  const one = headwater(job, { ...env, SLOW: "1" });
  running.push(one);
  await one.says(/RUNNING · [1-9][\d,]* records.* checkpoints (?:[2-9]|[1-9]\d)/);
  return one;
}

const sumOf = ({ stdout }: Outcome): number =>
  [...stdout.matchAll(/^sum (\d+)$/gm)].reduce((all, [, sum]) => all + Number(sum), 0);

describe("a job with its checkpoints in S3", () => {
  it("recovers from one", async () => {
    const outcome = await run(
      ...["--checkpoint-dir", at("state"), "--checkpoint-interval", "20ms"],
      ...["--fail-at", "1000000", "--parallelism", "2"],
    );
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).toContain("restarts 1");
    expect(sumOf(outcome)).toBe(2_000_001_000_000);
    expect((await s3.keys()).length).toBeLessThanOrEqual(3);
  });

  it("goes on where its process was killed, with another parallelism", async () => {
    const killed = await started("--checkpoint-dir", at("state"), "--parallelism", "2");
    killed.child.kill("SIGKILL");
    await killed.done;
    const resumed = await run("--checkpoint-dir", at("state"), "--resume", "--parallelism", "3");
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toMatch(
      new RegExp(`^sum: going on from ${at("state/sum/chk-")}\\d+$`, "m"),
    );
    expect(sumOf(resumed)).toBe(2_000_001_000_000);
  });

  it("takes savepoints in S3 and at paths, lists and prints them, and goes on from each", async () => {
    const job = await started("--checkpoint-dir", at("state"));
    const kept = await command("savepoint", "sum", at("kept"));
    expect(kept).toMatchObject({ code: 0 });
    expect(kept.stdout).toMatch(new RegExp(`^${at("kept/savepoint-sum-")}\\d+\n$`));
    const beside = await command("savepoint", "sum");
    expect(beside.stdout).toMatch(new RegExp(`^${at("state/savepoint-sum-")}\\d+\n$`));
    const listed = await command("checkpoints", "sum");
    expect(listed.stdout).toContain(beside.stdout.trim());
    expect(listed.stdout).toMatch(new RegExp(` checkpoint .* ${at("state/sum/chk-")}\\d+`));
    const stopped = await command("stop", "sum", join(directory, "local"));
    expect(stopped.stdout).toMatch(new RegExp(`^${directory}/local/savepoint-sum-\\d+\n$`));
    expect((await job.done).stderr).toContain(`--checkpoint-dir ${at("state")}`);

    const inspected = await command("savepoint", "inspect", kept.stdout.trim());
    expect(inspected.stdout).toMatch(
      /^savepoint \d+ of job sum\n {2}path {4}s3:\/\/.*savepoint-sum/,
    );
    const several = await command("savepoint", "inspect", at("state"));
    expect(several).toMatchObject({ code: 1, stdout: "" });
    expect(several.stderr).toMatch(/it holds several: savepoint-sum-\d+\n/);
    for (const { stdout } of [kept, beside, stopped]) {
      const resumed = await run("--from-savepoint", stdout.trim());
      expect(resumed).toMatchObject({ code: 0, stdout: SUM });
    }
  });

  it("goes from checkpoints at a path to a savepoint in S3 and back", async () => {
    const job = await started("--checkpoint-dir", join(directory, "own"));
    const { stdout } = await command("stop", "sum", at("moved"));
    expect(stdout).toMatch(new RegExp(`^${at("moved/savepoint-sum-")}\\d+\n$`));
    await job.done;
    const back = ["--checkpoint-dir", join(directory, "own"), "--from-savepoint", stdout.trim()];
    expect(await run(...back)).toMatchObject({ code: 0, stdout: SUM });
    expect(await readdir(join(directory, "own"))).toEqual(["sum"]);
  });
});

describe("a job that cannot reach its checkpoints does not start", () => {
  const refused = async (args: readonly string[], says: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(says);
    expect(stderr.match(/^error:/gm)).toHaveLength(1);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr).not.toContain(SECRET);
  };

  it("without a bucket, credentials, region or server, or at a wrong address", async () => {
    await refused(
      ["--checkpoint-dir", "s3://nowhere-at-all/x"],
      /NoSuchBucket.*\n {2}Create the bucket/,
    );
    await refused(["--from-savepoint", at("nothing")], /no checkpoint at s3:.*there is nothing\n/);
    await refused(
      ["--checkpoint-dir", "gs://x/y"],
      /cannot lie at a gs:\/\/ address\n {2}Give a path/,
    );
    await refused(["--checkpoint-dir", "s3://x"], /it has no bucket of 3 to 63/);
    env = { ...env, AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    await refused(
      ["--checkpoint-dir", at("x")],
      /CredentialsProviderError.*\n {2}Set AWS_ACCESS_KEY_ID/,
    );
    env = { ...env, ...ENVIRONMENT, AWS_REGION: undefined };
    await refused(["--checkpoint-dir", at("x")], /Region is missing.*\n {2}Set AWS_REGION/);
    env = { ...env, ...ENVIRONMENT, AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1" };
    await refused(["--checkpoint-dir", at("x")], /ECONNREFUSED.*\n {2}Check that the endpoint/);
  });
});

describe("a server that stops in the middle", () => {
  /** Reads until it is told to end. */
  function endless(): { readonly job: JobDefinition; end: () => void } {
    let isOver = false;
    const job = defineJob("flights", (env) => {
      env.fromSource(numberSequenceSource({ from: 1, to: Number.MAX_SAFE_INTEGER })).sinkTo({
        name: "slow",
        createWriter: () => ({
          async write() {
            if (!isOver) await setTimeout(5);
          },
        }),
      });
    });
    return {
      job,
      end() {
        isOver = true;
      },
    };
  }

  /** Looks at a job until something has come about. */
  async function until(condition: () => boolean): Promise<void> {
    for (let i = 0; i < 5000 && !condition(); i++) await setTimeout(5);
    expect(condition()).toBe(true);
  }

  it("costs checkpoints within the time limit, and the job goes on as far as it tolerates", async () => {
    const { job, end } = endless();
    const handle = await job.run({
      checkpoint: {
        storage: s3.storage({ requestTimeout: 3_000 }),
        interval: 20,
        tolerableFailures: 1000,
      },
    });
    const failed = (): number =>
      Number(handle.metrics()["checkpoint.numberOfFailedCheckpoints"] ?? 0);
    const completed = (): number => handle.status().completedCheckpoints;
    await until(() => completed() >= 2);
    s3.server.pause();
    try {
      await until(() => failed() >= 2);
      expect(handle.status().state).toBe("RUNNING");
    } finally {
      s3.server.resume();
    }
    const before = completed();
    await until(() => completed() >= before + 2);
    expect(handle.status().restarts).toBe(0);
    end();
    await handle.cancel();
    const { checkpointId } = handle.status().lastCheckpoint ?? { checkpointId: -1 };
    const [newest] = await s3.storage().restoreCandidates();
    expect(newest?.checkpointId).toBe(checkpointId);
  });

  it("fails a job that tolerates no failure, saying what has not answered", async () => {
    const { job, end } = endless();
    const handle = await job.run({
      checkpoint: { storage: s3.storage({ requestTimeout: 3_000 }), interval: 20 },
      restartStrategy: noRestart(),
    });
    await until(() => handle.status().completedCheckpoints >= 1);
    s3.server.pause();
    try {
      const error = await handle.done.catch((thrown: unknown) => thrown);
      expect(explain(error)).toMatch(/has failed.*S3 has not answered within 3000 ms/);
    } finally {
      s3.server.resume();
      end();
    }
    expect((await s3.storage().list()).length).toBeGreaterThan(0);
  });
});
