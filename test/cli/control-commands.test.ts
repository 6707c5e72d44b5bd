import { chmod, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { build, headwater, jobFile, type Outcome, type RunningCommand } from "./command-line.js";

const SUM = "sum 2000001000000\n";
let directory: string;
let sockets: string;
let env: NodeJS.ProcessEnv;
const running: RunningCommand[] = [];

beforeAll(build, 180_000);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "hw-"));
  sockets = join(directory, "headwater");
  env = { XDG_RUNTIME_DIR: directory };
});

afterEach(async () => {
  for (const command of running.splice(0)) {
    command.child.kill("SIGKILL");
    await command.done;
  }
  await rm(directory, { recursive: true, force: true });
});

afterAll(() => {
  expect(running).toEqual([]);
});

const command = (...args: string[]): Promise<Outcome> => headwater(args, env).done;

/** Starts a job and resolves when it reads, or just runs; with its id. */
async function started(
  job: string,
  args: readonly string[] = [],
  more: NodeJS.ProcessEnv = {},
): Promise<{ run: RunningCommand; id: string }> {
  const run = headwater(["run", jobFile(job), ...args], { ...env, ...more });
  running.push(run);
  await run.says(more.SLOW === "1" ? /RUNNING · [1-9][\d,]* records/ : / RUNNING · /);
  return { run, id: `${more.NAME ?? job.replace(".ts", "")}-${run.child.pid}` };
}

function expectOneError({ code, stdout, stderr }: Outcome, says: RegExp): void {
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(says);
  expect(stderr.match(/^error:/gm)).toHaveLength(1);
  expect(stderr).not.toMatch(/^\s+at /m);
}

describe("headwater list", () => {
  it("says so when nothing runs", async () => {
    expect(await command("list")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "no jobs run here\n",
    });
    expect(await command("list", "--json")).toMatchObject({ code: 0, stdout: "[]\n" });
  });

  it("shows each job with its id, also two of one name, which then need it", async () => {
    const [one, two] = [await started("waits.ts"), await started("waits.ts")];
    expect((await stat(sockets)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(sockets)) {
      expect((await stat(join(sockets, name))).mode & 0o777).toBe(0o600);
    }

    const { code, stdout } = await command("list");
    expect(code).toBe(0);
    const ids = [one.id, two.id].sort();
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^ID +JOB +STATE +UP +RECORDS +CHECKPOINTS$/);
    expect(lines.slice(1).map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual(
      ids.map((id) => [id, "waits", "RUNNING"]),
    );

    const ambiguous = await command("stop", "waits");
    expectOneError(
      ambiguous,
      /^error: 2 jobs of the name waits run here\n {2}Give the id .*waits-/,
    );
    expect(await command("cancel", one.id)).toMatchObject({ code: 0, stdout: "" });
    expect(await one.run.done).toMatchObject({ code: 130 });
    expect(await command("cancel", "waits")).toMatchObject({
      code: 0,
      stderr: `${two.id} is cancelled\n`,
    });
    expect(await two.run.done).toMatchObject({ code: 130 });
    expect(await readdir(sockets)).toEqual([]);
  });

  it("removes the socket of a process that was killed", async () => {
    const { run } = await started("waits.ts");
    run.child.kill("SIGKILL");
    await run.done;
    expect(await readdir(sockets)).toEqual([`waits-${run.child.pid}.sock`]);
    expect(await command("list")).toMatchObject({ code: 0, stderr: "no jobs run here\n" });
    expect(await readdir(sockets)).toEqual([]);
  });

  it("cannot be made to steer a terminal by a job's name", async () => {
    await started("waits.ts", [], { NAME: "a\u001b[31m\nb" });
    const { stdout } = await command("list");
    expect(stdout).toContain("a\\x1b[31m\\nb");
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
  });
});

describe("a running job", () => {
  it("is shown with its subtasks and its checkpoints", async () => {
    const checkpoints = join(directory, "cp");
    const { id } = await started(
      "sum.ts",
      ["--parallelism", "2", "--checkpoint-dir", checkpoints, "--checkpoint-interval", "200ms"],
      { SLOW: "1" },
    );
    const taken = await command("savepoint", "sum");
    expect(taken.code).toBe(0);

    const { stdout } = await command("status", "sum");
    expect(stdout).toMatch(new RegExp(`^${id} RUNNING\n {2}job +sum\n`));
    expect(stdout).toMatch(/^ {2}source-0\/1 +READING /m);
    const json = JSON.parse((await command("status", id, "--json")).stdout);
    expect(json).toMatchObject({
      id,
      status: { jobName: "sum" },
      checkpointDirectory: checkpoints,
    });

    const listed = await command("checkpoints", "sum");
    expect(listed.stdout).toMatch(new RegExp(`^${id}: \\d+ completed, 0 failed, [01] in progress`));
    expect(listed.stdout).toMatch(/^ID +KIND +TAKEN \(UTC\) +SIZE +PATH$/m);
    expect(listed.stdout).toMatch(/^\d+ +checkpoint +\d{4}-.* B +.*\/sum\/chk-\d+$/m);
    expect(listed.stdout).toMatch(new RegExp(`^\\d+ +savepoint +${taken.stdout.trim()}$`, "m"));
    const data = JSON.parse((await command("checkpoints", id, "--json")).stdout);
    expect(data.checkpoints[0].location).toContain(checkpoints);
  });

  it("goes on after a savepoint, and another job goes on from there, to the same result", async () => {
    const { run } = await started("sum.ts", ["--parallelism", "2"], { SLOW: "1" });
    const target = join(directory, "mine");
    const { code, stdout, stderr } = await command("savepoint", "sum", target);
    expect(code).toBe(0);
    const location = stdout.trimEnd();
    expect(location).toMatch(new RegExp(`^${target}/savepoint-sum-\\d+$`));
    expect(stderr).toMatch(/^sum-\d+ goes on; its savepoint \d+ \(\d+ B\) is durable$/m);
    await run.says(/another process asks for: savepoint.*RUNNING/s);

    const resumed = await command("run", jobFile("sum.ts"), "--from-savepoint", location);
    expect(resumed).toMatchObject({ code: 0, stdout: SUM });
  });

  it("is stopped with a savepoint, from which it goes on at another parallelism", async () => {
    const { run } = await started("sum.ts", ["--parallelism", "2"], { SLOW: "1" });
    const { code, stdout, stderr } = await command("stop", "sum", join(directory, "mine"));
    const location = stdout.trimEnd();
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/has stopped/) });
    // The job had ended before the command did: its socket is gone at once.
    expect(await readdir(sockets)).toEqual([]);
    const outcome = await run.done;
    expect(outcome).toMatchObject({ code: 0, stdout: "" });
    expect(outcome.stderr).toContain("another process asks for: stop\n");
    expect(outcome.stderr).toContain(
      `stopped with savepoint ${location}\ngo on with: headwater run`,
    );

    const resumed = await command(
      ...["run", jobFile("sum.ts"), "--from-savepoint", location, "--parallelism", "3"],
    );
    expect(resumed.code).toBe(0);
    const parts = [...resumed.stdout.matchAll(/^sum (\d+)$/gm)].map(([, sum]) => Number(sum));
    expect(parts.reduce((all, one) => all + one, 0)).toBe(2_000_001_000_000);
  });

  it("emits its last results when it is drained", async () => {
    const { run } = await started("sum.ts", [], { SLOW: "1" });
    const { code } = await command("stop", "sum", join(directory, "mine"), "--drain");
    expect(code).toBe(0);
    expect(await run.done).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sum \d+\n$/) });
  });

  it("is not waited for longer than asked, and can be cancelled meanwhile", async () => {
    const { run } = await started("never-ends.ts");
    const late = await command("stop", "never-ends", "--timeout", "200ms");
    expectOneError(late, /has not answered within 200 ms/);
    expect(await command("cancel", "never-ends")).toMatchObject({ code: 0 });
    expect(await run.done).toMatchObject({ code: 130 });
  });

  it("is not found with --control off, and opens nothing", async () => {
    await started("waits.ts", ["--control", "off"]);
    expect(await readdir(directory)).toEqual([]);
    expectOneError(await command("stop", "waits"), /no job waits runs here/);
  });

  it("runs without a socket where the directory is not its own, and says why", async () => {
    await mkdir(sockets);
    await chmod(sockets, 0o777);
    const outcome = await command("run", jobFile("sum.ts"));
    expect(outcome).toMatchObject({ code: 0, stdout: SUM });
    expect(outcome.stderr).toMatch(
      /^the job runs without a control socket: .*its permissions are 0777, not 0700\n/m,
    );
    expectOneError(await command("list"), /its permissions are 0777, not 0700/);
  });
});

describe("a control command that cannot be done ends with one clear error", () => {
  it.each([
    ["no job", ["stop"], /missing required argument 'job'/],
    ["a job that does not run", ["savepoint", "sum"], /no job sum runs here\n {2}No job of this/],
    ["an unknown option", ["cancel", "sum", "--drain"], /unknown option '--drain'/],
    ["an unknown state", ["run", "x", "--control", "auto"], /'auto' is invalid.*on, off/],
  ])("%s", async (_what, args, says) => {
    expectOneError(await command(...args), says);
  });

  it("a timeout that is no time, and a target that is a file", async () => {
    await started("waits.ts");
    expectOneError(
      await command("stop", "waits", "--timeout", "soon"),
      /option --timeout: expected a duration/,
    );
    const file = join(sockets, (await readdir(sockets))[0] as string);
    expectOneError(await command("savepoint", "waits", file), /could not store a checkpoint at /);
    expect(await command("status", "waits")).toMatchObject({ code: 0 });
  });
});
