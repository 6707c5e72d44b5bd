import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build, headwater, jobFile, type Outcome, root } from "./command-line.js";

const SUM = "sum 2000001000000\n";
let directory: string;

beforeAll(async () => {
  await build();
  directory = await mkdtemp(join(tmpdir(), "headwater-cli-"));
}, 180_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Outcome> => headwater(["run", ...args]).done;

/** Runs the slow sum, interrupts it when it reads, and gives where its savepoint lies. */
async function interrupted(checkpoints: string): Promise<{ location: string; outcome: Outcome }> {
  const command = headwater(
    ["run", jobFile("sum.ts"), "--checkpoint-dir", checkpoints, "--parallelism", "2"],
    { SLOW: "1" },
  );
  await command.says(/[1-9][\d,]* records/);
  command.child.kill("SIGINT");
  const outcome = await command.done;
  const [, location] = /stopped with savepoint (\S+)/.exec(outcome.stderr) ?? [];
  if (location === undefined) throw new Error(outcome.stderr);
  return { location, outcome };
}

function expectOneError({ code, stderr }: Outcome, says: RegExp): void {
  expect(code).toBe(1);
  expect(stderr).toMatch(says);
  expect(stderr.match(/^error:/gm)).toHaveLength(1);
  expect(stderr).not.toMatch(/^\s+at /m);
}

describe("headwater run", () => {
  it("runs a job to its end, prints results apart from progress, and exits with 0", async () => {
    const { code, stdout, stderr } = await run(jobFile("sum.ts"));
    expect({ code, stdout }).toEqual({ code: 0, stdout: SUM });
    expect(stderr).toMatch(/^sum finished: 2,000,000 records in /m);
  });

  it("writes plain lines where there is no terminal", async () => {
    const { stderr } = await run(jobFile("sum.ts"));
    expect(stderr).not.toContain(String.fromCharCode(27));
    expect(stderr).toMatch(/^sum FINISHED · 2,000,000 records · /m);
  });

  it("shows no progress when it is told so", async () => {
    const { stderr } = await run(jobFile("sum.ts"), "--no-progress");
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("says how many inputs were no records, and the last of them", async () => {
    const { code, stderr } = await run(jobFile("bad-records.ts"));
    expect(code).toBe(0);
    expect(stderr).toMatch(/^dirty FINISHED · 1,000 records · 2 bad records · /m);
    expect(stderr).toMatch(
      /^dirty finished: 1,000 records .*\n2 bad records, the last in split numbers\.txt at position 42: not a number$/m,
    );
  });

  it("fails with the first bad record and what to do, where none is allowed", async () => {
    const outcome = await headwater(["run", jobFile("bad-records.ts")], { STRICT: "1" }).done;
    expectOneError(
      outcome,
      /^error: .*bad record in split numbers\.txt at position 17: not a number\n {2}Mend the input, or say in fromSource/m,
    );
  });

  it("logs as JSON when it is told so", async () => {
    const { stderr } = await run(jobFile("sum.ts"), "--no-progress", "--log-level", "info");
    const logged = stderr
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as { msg: string; job: string });
    const told = logged.map(({ msg }) => msg);
    expect([told[0], told.at(-1)]).toEqual(["job started", "job ended"]);
    expect(told).toEqual(expect.arrayContaining(["subtask started", "splits assigned"]));
    expect(logged.every(({ job }) => job === "sum")).toBe(true);
  });

  it("recovers from a failure that was asked for", async () => {
    const { code, stdout, stderr } = await run(
      ...[jobFile("sum.ts"), "--fail-at", "1000000", "--checkpoint-interval", "20ms"],
      ...["--parallelism", "2"],
    );
    expect(code).toBe(0);
    const parts = [...stdout.matchAll(/^sum (\d+)$/gm)].map(([, sum]) => Number(sum));
    expect(parts.reduce((all, one) => all + one, 0)).toBe(2_000_001_000_000);
    expect(stderr).toContain("restarts 1");
  });
});

describe("Ctrl-C", () => {
  it("stops the job with a savepoint and says how to go on, with the same result", async () => {
    const checkpoints = join(directory, "stopped");
    const { location, outcome } = await interrupted(checkpoints);

    expect(outcome).toMatchObject({ code: 0, signal: null, stdout: "" });
    expect(outcome.stderr).toContain(
      `go on with: headwater run ${jobFile("sum.ts")} --parallelism 2 ` +
        `--checkpoint-dir ${checkpoints} --from-savepoint ${location}`,
    );

    for (const from of [
      ["--from-savepoint", location],
      ["--resume", "--checkpoint-dir", checkpoints],
    ]) {
      const resumed = await run(jobFile("sum.ts"), ...from);
      expect(resumed).toMatchObject({ code: 0, stdout: SUM, stderr: expect.any(String) });
      expect(resumed.stderr).toContain(`sum: going on from ${location}`);
    }
  });

  it("leaves a savepoint in a file also where checkpoints stay in memory", async () => {
    const job = join(root, jobFile("sum.ts"));
    const command = headwater(["run", job], { SLOW: "1" }, directory);
    await command.says(/[1-9][\d,]* records/);
    command.child.kill("SIGINT");
    const { stderr } = await command.done;
    const [, options] = /^go on with: headwater (.*)$/m.exec(stderr) ?? [];
    expect(options).toContain(join(directory, "savepoints"));

    const resumed = await headwater(options?.split(" ") ?? [], {}, directory).done;
    expect(resumed).toMatchObject({ code: 0, stdout: SUM });
  });

  it("counts once when npm passes it on to a process that has got it already", async () => {
    const command = headwater(["run", join(root, jobFile("sum.ts"))], { SLOW: "1" }, directory);
    await command.says(/[1-9][\d,]* records/);
    command.child.kill("SIGINT");
    await command.says(/press Ctrl-C again to cancel/);
    command.child.kill("SIGINT");
    const { code, stderr } = await command.done;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^stopped with savepoint /m);
  });

  it("pressed twice cancels", async () => {
    const command = headwater(["run", jobFile("never-ends.ts")]);
    await command.says(/[1-9][\d,]* records/);
    command.child.kill("SIGINT");
    // A line of progress comes once a second: by the second one it is another key press.
    await command.says(/press Ctrl-C again to cancel.*records.*records/s);
    command.child.kill("SIGINT");
    const { code, stderr } = await command.done;
    expect(code).toBe(130);
    expect(stderr).toMatch(/^never-ends canceled: /m);
    expect(stderr).not.toContain("error:");
  });
});

describe("a command that cannot be run ends with one clear error", () => {
  const job = jobFile("sum.ts");
  it.each([
    ["an unknown option", [job, "--parallel", "2"], /unknown option '--parallel'/],
    ["no file", [], /missing required argument 'file'/],
    ["parallelism 0", [job, "--parallelism", "0"], /--parallelism <n>.*'0' is invalid.*at least 1/],
    [
      "a failure at no number",
      [job, "--fail-at", "soon"],
      /--fail-at <records>.*'soon' is invalid/,
    ],
    ["an unknown log level", [job, "--log-level", "loud"], /--log-level.*silent, error, warn/],
    [
      "an interval that is no time",
      [job, "--checkpoint-interval", "soon"],
      /checkpoint\.interval: expected .*"soon"/,
    ],
    ["resume without a directory", [job, "--resume"], /--resume needs --checkpoint-dir/],
    ["a file that is not there", [jobFile("nowhere.ts")], /there is no job file at .*nowhere\.ts/],
    ["a file that throws", [jobFile("throws.ts")], /throws\.ts.*this file cannot be loaded/],
    ["a file without a job", [jobFile("no-job.ts")], /no-job\.ts has an object.*not a job/],
    ["a file without a default export", [jobFile("no-default.ts")], /no-default\.ts.*not a job/],
    [
      "a savepoint that is not there",
      [job, "--from-savepoint", "test/cli/nowhere"],
      /no checkpoint at .*nowhere/,
    ],
    ["a job that fails", [jobFile("fails.ts")], /operator 1 failed .*: two is too much/],
  ])("%s", async (_what, args, says) => {
    expectOneError(await run(...args), says);
  });

  it("a file that is no JavaScript", async () => {
    const file = join(directory, "broken.js");
    await writeFile(file, "export default = ;");
    expectOneError(await run(file), /broken\.js could not be loaded: ParseError/);
  });

  it("a savepoint of another job, or a damaged one", async () => {
    const { location } = await interrupted(join(directory, "damaged"));
    expectOneError(
      await run(jobFile("fails.ts"), "--from-savepoint", location),
      /belongs to job "sum", this is job "fails"/,
    );

    const file = join(location, "_metadata");
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length - 3));
    expectOneError(await run(job, "--from-savepoint", location), /cannot be used/);
  });
});

describe("--resume", () => {
  it("starts from the beginning when there is nothing", async () => {
    const { code, stdout, stderr } = await run(
      ...[jobFile("sum.ts"), "--resume", "--checkpoint-dir", join(directory, "empty")],
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: SUM });
    expect(stderr).toMatch(/no checkpoint in .*empty, starting from the beginning/);
  });
});
