import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/checkpoint/checkpoint-codec.js";
import type { CheckpointData, PipelineState } from "../../src/checkpoint/index.js";
import { build, headwater, jobFile, type Outcome } from "./command-line.js";

const SUM = `sum ${(400_000 * 400_001) / 2}\n`;
/** The working directory of the jobs. */
let home: string;
/** Where the job keeps its checkpoints. */
let checkpoints: string;
/** What the job left when it was stopped: its last good state. */
let good: string;
let before: Readonly<Record<string, string>>;

// Each of many processes may take seconds where others work as well.
vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  await build();
  home = await mkdtemp(join(tmpdir(), "headwater-bad-"));
  checkpoints = join(home, "checkpoints");
  const job = [jobFile("changing.ts"), "--checkpoint-dir", checkpoints, "--parallelism", "2"];
  const command = headwater(["run", ...job, "--checkpoint-interval", "50ms"], { SLOW: "1" });
  await command.says(/RUNNING · [1-9][\d,]* records.* checkpoints (?:[2-9]|[1-9]\d)/);
  command.child.kill("SIGINT");
  const { stderr } = await command.done;
  good = /stopped with savepoint (\S+)/.exec(stderr)?.[1] ?? "";
  expect(good).not.toBe("");
  before = await contents(home);
}, 180_000);

afterAll(() => rm(home, { recursive: true, force: true }));
afterEach(() => rm(join(home, "bad"), { recursive: true, force: true }));

/** All files below a directory with what is in them. */
async function contents(directory: string): Promise<Record<string, string>> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = found.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  const read = files.sort().map(async (file) => [file, await readFile(file, "latin1")] as const);
  return Object.fromEntries(await Promise.all(read));
}

const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
  headwater(["run", jobFile("changing.ts"), "--checkpoint-dir", checkpoints, ...args], env).done;

/** The job ends at once with one error, and leaves everything as it was. */
async function refused(
  args: readonly string[],
  says: RegExp,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const there = await contents(home);
  const { code, stdout, stderr } = await run(args, env);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(says);
  expect(stderr.match(/^error:/gm)).toHaveLength(1);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(await contents(home)).toEqual(there);
}

/** A copy of the savepoint, changed in place. */
async function copy(change: (directory: string) => Promise<void>): Promise<string> {
  const place = join(home, "bad", basename(good));
  await cp(good, place, { recursive: true });
  await change(place);
  return place;
}

/** A copy with other bytes in its file. */
const rewritten = (change: (bytes: Buffer) => Uint8Array): Promise<string> =>
  copy(async (place) => {
    const file = join(place, "_metadata");
    await writeFile(file, change(await readFile(file)));
  });

/** A copy that is whole, with something else in it. */
const altered = (change: (data: CheckpointData) => CheckpointData): Promise<string> =>
  rewritten((bytes) => encodeCheckpoint(change(decodeCheckpoint(bytes, "good"))));

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

describe("a savepoint that cannot be read", () => {
  it("no path, nothing there, and a directory without one", async () => {
    await refused(
      ["--from-savepoint", ""],
      /fromSavepoint: expected a path or s3:\/\/bucket\/prefix, got ""/,
    );
    const nowhere = join(home, "nowhere");
    await refused(
      ["--from-savepoint", nowhere],
      new RegExp(`no checkpoint at ${escaped(nowhere)}: there is nothing.*\\n {2}Give the`),
    );
    const empty = join(home, "bad");
    await mkdir(empty);
    await refused(
      ["--from-savepoint", empty],
      /no checkpoint at .*bad: the directory has no _metadata/,
    );
    const name = basename(good);
    await copy(async () => {});
    await refused(
      ["--from-savepoint", empty],
      new RegExp(`no checkpoint at .*bad: the directory holds several: ${name}\\n`),
    );
  });

  it("an empty file, a truncated one, a changed byte, and something else", async () => {
    for (const [change, says] of [
      [() => Buffer.alloc(0), "the file is empty"],
      [(bytes: Buffer) => bytes.subarray(0, -7), "\\d+ bytes follow the header, \\d+ were written"],
      [(bytes: Buffer) => bytes.subarray(0, 40), "it is not a checkpoint of Headwater"],
      [
        (bytes: Buffer) => bytes.fill(88, bytes.length - 30, bytes.length - 29),
        "its SHA-256 is not the one in the header",
      ],
    ] as const) {
      const place = await rewritten(change);
      const error = `the checkpoint at ${escaped(place)} cannot be used: ${says}\\n {2}Restore from an older`;
      await refused(["--from-savepoint", place], new RegExp(error));
      await rm(place, { recursive: true });
    }
  });

  it("one that is being written, by its directory and by its file", async () => {
    const place = await copy((at) => rename(join(at, "_metadata"), join(at, "_metadata.tmp")));
    const says = new RegExp(
      `no checkpoint at ${escaped(place)}: .*being written, or its writing was`,
    );
    await refused(["--from-savepoint", place], says);
    await refused(
      ["--from-savepoint", join(place, "_metadata.tmp")],
      /a temporary file, left when/,
    );
  });

  it("one of a later release, and one with splits of a later release", async () => {
    const newer = await rewritten((bytes) =>
      Buffer.from(bytes.toString("latin1").replace(" 2 sha256", " 3 sha256"), "latin1"),
    );
    await refused(
      ["--from-savepoint", newer],
      /has format version 3, this release reads up to 2\n {2}Run/,
    );
    await rm(newer, { recursive: true });
    const splits = await altered((data) =>
      withNumbers(data, ({ subtasks, ...rest }) => ({
        ...rest,
        subtasks: subtasks.map((one) => ({ ...one, splits: { ...one.splits, version: 7 } })),
      })),
    );
    await refused(
      ["--from-savepoint", splits],
      new RegExp(
        `savepoint \\d+ at ${escaped(splits)} cannot be restored: split 1 of 1 of subtask 0 of pipeline "numbers" has version 7, source ".*" reads up to 1`,
      ),
    );
  });
});

const withNumbers = (
  data: CheckpointData,
  change: (pipeline: PipelineState) => PipelineState,
): CheckpointData => ({
  ...data,
  pipelines: { numbers: change(data.pipelines.numbers as PipelineState) },
});

describe("state that does not fit the job", () => {
  const from = (): string[] => ["--from-savepoint", good];
  const named = (): string => `savepoint \\d+ at ${escaped(good)}`;
  const ALLOW = "--allow-non-restored-state";

  it("of another job, also where state may be dropped", async () => {
    const says = new RegExp(
      `${named()} belongs to job "changing", this is job "other"\\n {2}Restore from a checkpoint of "other"`,
    );
    await refused(from(), says, { NAME: "other" });
    await refused([...from(), ALLOW], says, { NAME: "other" });
  });

  it("of a pipeline that is gone, unless it may be dropped", async () => {
    const env = { PIPELINE: "renamed" };
    await refused(
      from(),
      new RegExp(
        `${named()} has state for pipeline "numbers", which the job does not have\\n {2}.*--allow-non-restored-state`,
      ),
      env,
    );
    const fresh = await headwater(["run", jobFile("changing.ts"), ...from(), ALLOW], env, undefined)
      .done;
    expect(fresh).toMatchObject({ code: 0, stdout: SUM });
  });

  it("of an operator that is gone, unless it may be dropped", async () => {
    const env = { OPERATOR: "renamed" };
    await refused(
      from(),
      new RegExp(`${named()} has state for operator "sum" of pipeline "numbers", which the job`),
      env,
    );
    const rest = await headwater(["run", jobFile("changing.ts"), ...from(), ALLOW], env).done;
    expect(rest.code).toBe(0);
    expect(rest.stdout).toMatch(/^sum \d+\n/);
    expect(rest.stdout).not.toBe(SUM);
  });

  it("of a source of another type, also where state may be dropped", async () => {
    const says = new RegExp(
      `${named()} cannot be restored: (?:the enumerator|split 1 of 1 of subtask 0) of pipeline "numbers" cannot be read by source "elements" \\(written by "numbers 1 to 400000"\\)`,
    );
    await refused(from(), says, { SOURCE: "elements" });
    await refused([...from(), ALLOW], says, { SOURCE: "elements" });
  });

  it("and is told also on a resume, which names the next older one where the newest is damaged", async () => {
    const file = join(good, "_metadata");
    const whole = await readFile(file);
    await writeFile(file, whole.subarray(0, -5));
    try {
      await refused(
        ["--resume"],
        new RegExp(
          `${escaped(good)} cannot be used.*\\n {2}The next older one is ${escaped(checkpoints)}/changing/chk-\\d+`,
        ),
      );
    } finally {
      await writeFile(file, whole);
    }
  });

  it("leaves the last good state as it was: the job goes on from it", async () => {
    expect(await contents(home)).toEqual(before);
    const resumed = await run(["--resume"]);
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toContain(`going on from ${good}`);
    const parts = [...resumed.stdout.matchAll(/^sum (\d+)$/gm)].map(([, sum]) => Number(sum));
    expect(parts.reduce((all, one) => all + one, 0)).toBe((400_000 * 400_001) / 2);
  });
});
