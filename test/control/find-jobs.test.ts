import { chmod, mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { findJob, findJobs } from "../../src/control/find-jobs.js";
import { RealClock, VirtualClock } from "../../src/mailbox/index.js";
import { Cleanup, controlled, temporaryDirectory } from "./control-harness.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const QUICK = { clock: new RealClock(), timeout: 5000 };

const QUICK_ENOUGH = { clock: new RealClock(), timeout: 100 };

/** Listens and does with connections what it is told. */
async function listener(path: string, says?: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    cleanup.add(() => socket.destroy());
    if (says !== undefined) socket.end(says);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  cleanup.add(() => server.close());
}

/** A socket whose process has died. */
async function staleSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.new`, resolve));
  await rename(`${path}.new`, path);
  await new Promise((resolve) => server.close(resolve));
}

async function ownDirectory(): Promise<string> {
  const directory = join(await temporaryDirectory(cleanup), "control");
  await mkdir(directory, { mode: 0o700 });
  return directory;
}

describe("the running jobs", () => {
  it("are none where nothing has run", async () => {
    const directory = join(await temporaryDirectory(cleanup), "nothing");
    expect(await findJobs(QUICK, directory)).toEqual([]);
  });

  it("are found by name, and by id where there are two of a name", async () => {
    const { directory } = await controlled(cleanup, { pid: 1001 });
    expect(await findJob("waiting", QUICK, directory)).toMatchObject({ id: "waiting-1001" });

    await controlled(cleanup, { pid: 1002, directory });
    const jobs = await findJobs(QUICK, directory);
    expect(jobs.map(({ id }) => id)).toEqual(["waiting-1001", "waiting-1002"]);
    await expect(findJob("waiting", QUICK, directory)).rejects.toMatchObject({
      message: "2 jobs of the name waiting run here",
      hint: "Give the id of the one you mean: waiting-1001, waiting-1002.",
    });
    const one = await findJob("waiting-1002", QUICK, directory);
    expect(one.report?.pid).toBe(1002);
    await expect(findJob("other", QUICK, directory)).rejects.toMatchObject({
      message: "no job other runs here",
      hint: "These run: waiting-1001, waiting-1002.",
    });
  });

  it("leave no sockets behind when they die: what nobody listens at is removed", async () => {
    const { directory } = await controlled(cleanup);
    await staleSocket(join(directory, "dead-7.sock"));
    // Left between making a socket and giving it its name, by a process that is gone.
    await staleSocket(join(directory, ".dead-999999999"));
    await writeFile(join(directory, "notes.sock"), "no socket");
    expect(await readdir(directory)).toHaveLength(4);

    expect(await findJobs(QUICK, directory)).toMatchObject([{ id: `waiting-${process.pid}` }]);
    expect(await readdir(directory)).toEqual(["notes.sock", `waiting-${process.pid}.sock`]);
  });

  it("include those that do not answer, which are left alone", async () => {
    const directory = await ownDirectory();
    await listener(join(directory, "silent-1.sock"));
    const clock = new VirtualClock();
    const jobs = findJobs({ clock, timeout: 5000 }, directory);
    while (clock.nextTimer() === undefined) await new Promise(setImmediate);
    clock.advance(5000);
    expect(await jobs).toMatchObject([
      { id: "silent-1", report: undefined, problem: expect.stringMatching(/within 5000 ms/) },
    ]);
    expect(await readdir(directory)).toEqual(["silent-1.sock"]);
  });

  it("that do not answer do not hold up one that is asked for by its id", async () => {
    const { directory } = await controlled(cleanup, { pid: 1001 });
    await listener(join(directory, "silent-1.sock"));
    const clock = new VirtualClock();
    const job = await findJob("waiting-1001", { clock, timeout: 5000 }, directory);
    expect(job.report?.pid).toBe(1001);
    await expect(findJob("../control/waiting-1001", QUICK_ENOUGH, directory)).rejects.toThrow(
      /no job .* runs here/,
    );
  });

  it.each([
    ["says something else", "hello\n", /no line of JSON/],
    ["ends without a word", "", /has ended before it answered/],
    ["never ends its line", "x".repeat(100_000), /more than 65536 bytes/],
    [
      "answers another request",
      '{"version":1,"ok":true,"answer":{"type":"canceled"}}\n',
      /answered/,
    ],
    ["reports nothing", '{"version":1,"ok":true,"answer":{"type":"report"}}\n', /no report/],
    ["is of a later release", '{"version":3,"ok":true,"answer":{}}\n', /version 3.*version 1/],
  ])("include one that %s, with what is wrong", async (_what, says, problem) => {
    const directory = await ownDirectory();
    await listener(join(directory, "odd-1.sock"), says);
    const jobs = await findJobs(QUICK, directory);
    expect(jobs).toMatchObject([{ id: "odd-1", problem: expect.stringMatching(problem) }]);
  });

  it("are not looked for in a directory that others can write to", async () => {
    const directory = await ownDirectory();
    await chmod(directory, 0o777);
    await expect(findJobs(QUICK, directory)).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
  });
});
