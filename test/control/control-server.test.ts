import { chmod, chown, lstat, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { askJob } from "../../src/control/control-client.js";
import { controlId, socketPath } from "../../src/control/control-directory.js";
import {
  type ControlRequest,
  MAX_MESSAGE_BYTES,
  parseAnswer,
} from "../../src/control/control-protocol.js";
import { ControlServer } from "../../src/control/control-server.js";
import { reportOf } from "../../src/control/job-report.js";
import {
  Cleanup,
  controlled,
  RawClient,
  temporaryDirectory,
  waitingJob,
} from "./control-harness.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const STATUS = '{"version":1,"type":"status"}\n';
const parse = (text: string) => parseAnswer(Buffer.from(text));

describe("a job's control socket", () => {
  it("can be used by its owner only, and is gone after it was closed", async () => {
    const { server, directory } = await controlled(cleanup);
    expect((await lstat(directory)).mode & 0o777).toBe(0o700);
    const socket = await lstat(server.path);
    expect(socket.isSocket()).toBe(true);
    expect(socket.mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual([`waiting-${process.pid}.sock`]);

    await server.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it("tells how the job is doing", async () => {
    const { server, clock, handle } = await controlled(cleanup, { checkpointDirectory: "/cp" });
    clock.advance(5000);
    const { report } = await askJob(server.path, { type: "status" }, { clock, timeout: 30_000 });
    expect(report).toMatchObject({
      pid: process.pid,
      startedAt: 1_000_000,
      uptime: 5000,
      checkpointDirectory: "/cp",
      watermark: Number.NEGATIVE_INFINITY,
      subtasksLeftOut: 0,
      status: { jobName: "waiting", state: "RUNNING", pipelines: [{ parallelism: 1 }] },
    });
    const completed = handle.status().completedCheckpoints;
    expect(report.checkpointMetrics["checkpoint.numberOfCompletedCheckpoints"]).toBe(completed);
  });

  it("takes a savepoint where it is told, and the job goes on", async () => {
    const requests: ControlRequest[] = [];
    const { server, clock, handle } = await controlled(cleanup, {
      requested: (request) => requests.push(request),
    });
    const target = await temporaryDirectory(cleanup);
    const request = { type: "savepoint", target } as const;
    const { checkpoint } = await askJob(server.path, request, { clock, timeout: 30_000 });
    expect(checkpoint.kind).toBe("SAVEPOINT");
    expect(await readdir(checkpoint.location)).toEqual(["_metadata"]);
    expect(checkpoint.location.startsWith(target)).toBe(true);
    expect(handle.status().state).toBe("RUNNING");
    expect(requests).toEqual([request]);
  });

  it("stops the job and answers when it has ended, though it is being closed", async () => {
    const { server, clock, handle } = await controlled(cleanup);
    let ended = false;
    void handle.done.then(() => {
      ended = true;
      return server.close();
    });
    const request = { type: "stop", drain: true } as const;
    const { checkpoint } = await askJob(server.path, request, { clock, timeout: 30_000 });
    expect(ended).toBe(true);
    expect(checkpoint.kind).toBe("SAVEPOINT");
    expect((await handle.done).savepoint).toEqual(checkpoint);
  });

  it("answers each of two that stop the job at once", async () => {
    const { server, clock, handle, directory } = await controlled(cleanup);
    const stop = { type: "stop", drain: false } as const;
    const [one, two] = await Promise.allSettled([
      askJob(server.path, stop, { clock, timeout: 30_000 }),
      askJob(server.path, stop, { clock, timeout: 30_000 }),
    ]);
    expect([one.status, two.status]).toContain("fulfilled");
    expect((await handle.done).savepoint).toBeDefined();
    expect(await readdir(directory)).toEqual([]);
  });

  it("cancels the job, which then takes no savepoint", async () => {
    const { server, handle, directory } = await controlled(cleanup);
    const client = new RawClient(server.path, cleanup);
    client.socket.write('{"version":1,"type":"cancel"}\n{"version":1,"type":"savepoint"}\n');
    expect((await client.lines(2)).map(parse)).toMatchObject([
      { ok: true, answer: { type: "canceled" } },
      { ok: false, error: { code: "JOB_CANCELED" } },
    ]);
    expect(handle.status().state).toBe("CANCELED");
    expect(await readdir(directory)).toEqual([]);
  });

  it("says what the job could not do", async () => {
    const { server, clock } = await controlled(cleanup);
    const file = join(await temporaryDirectory(cleanup), "file");
    await writeFile(file, "");
    await expect(
      askJob(server.path, { type: "savepoint", target: file }, { clock, timeout: 30_000 }),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/^CHECKPOINT_/),
      hint: expect.anything(),
    });
  });
});

describe("a client that is no good", () => {
  it.each([
    ["another protocol", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "ILLEGAL_ARGUMENT"],
    ["bytes that are no text", "\xff\xfe\0\x01\n", "ILLEGAL_ARGUMENT"],
    ["an unknown request", '{"version":1,"type":"explode"}\n', "ILLEGAL_ARGUMENT"],
    ["a later version", '{"version":2,"type":"status"}\n', "UNSUPPORTED_OPERATION"],
    ["a message without end", "x".repeat(MAX_MESSAGE_BYTES), "LIMIT_EXCEEDED"],
  ])("with %s hears what is wrong and is disconnected", async (_what, text, code) => {
    const { server, clock, handle } = await controlled(cleanup);
    const client = new RawClient(server.path, cleanup);
    client.socket.write(Buffer.from(text, "latin1"));
    const [line] = (await client.closed).split("\n");
    expect(parse(line as string)).toMatchObject({ ok: false, error: { code } });

    const { report } = await askJob(server.path, { type: "status" }, { clock, timeout: 30_000 });
    expect(report.status.jobName).toBe("waiting");
    expect(handle.status().restarts).toBe(0);
  });

  it("is disconnected when it sends no whole request within 10 s", async () => {
    const { server, clock } = await controlled(cleanup);
    const client = new RawClient(server.path, cleanup);
    client.socket.write(STATUS);
    await client.lines(1);
    client.socket.write(STATUS.slice(0, -5));
    clock.advance(9999);
    client.socket.write("}");
    expect(client.socket.destroyed).toBe(false);
    clock.advance(1);
    expect((await client.closed).split("\n")).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it("that goes away while its request is carried out stops nothing", async () => {
    const { server, clock, handle } = await controlled(cleanup);
    const client = new RawClient(server.path, cleanup);
    const target = await temporaryDirectory(cleanup);
    const before = handle.status().completedCheckpoints;
    client.socket.write(`${JSON.stringify({ version: 1, type: "savepoint", target })}\n`, () =>
      client.socket.destroy(),
    );
    await client.closed;
    // Requests are carried out in turn: behind the first one's savepoint comes this one's.
    const later = { type: "savepoint", target } as const;
    const { checkpoint } = await askJob(server.path, later, { clock, timeout: 30_000 });
    expect(checkpoint.checkpointId).toBe(before + 2);
    expect(await readdir(target)).toHaveLength(2);
  });

  it("does not keep the job from being closed", async () => {
    const { server } = await controlled(cleanup);
    const client = new RawClient(server.path, cleanup);
    client.socket.write("half a req");
    client.socket.write(STATUS.slice(0, 3));
    await new Promise((resolve) => client.socket.once("connect", resolve));
    await server.close();
    expect(await client.closed).toBe("");
  });
});

describe("connections", () => {
  it("carry out one request after the other", async () => {
    const { server } = await controlled(cleanup);
    const client = new RawClient(server.path, cleanup);
    const target = await temporaryDirectory(cleanup);
    const savepoint = `${JSON.stringify({ version: 1, type: "savepoint", target })}\n`;
    client.socket.write(savepoint + STATUS + savepoint + STATUS);
    const answers = (await client.lines(4)).map(parse);
    expect(answers.map((one) => one.ok && one.answer.type)).toEqual([
      "checkpoint",
      "report",
      "checkpoint",
      "report",
    ]);
    expect(await readdir(target)).toHaveLength(2);
  });

  it("are 16 at most, and one that ends makes room", async () => {
    const { server } = await controlled(cleanup);
    const clients = Array.from({ length: 16 }, () => new RawClient(server.path, cleanup));
    for (const client of clients) client.socket.write(STATUS);
    await Promise.all(clients.map((client) => client.lines(1)));

    const refused = await new RawClient(server.path, cleanup).closed;
    expect(parse(refused)).toMatchObject({ ok: false, error: { code: "LIMIT_EXCEEDED" } });

    clients[3]?.socket.write("no request\n");
    await clients[3]?.closed;
    const next = new RawClient(server.path, cleanup);
    next.socket.write(STATUS);
    expect((await next.lines(1)).map(parse)).toMatchObject([{ ok: true }]);
  });
});

describe("a report", () => {
  it("leaves subtasks out that have no room in a message, and says how many", async () => {
    const handle = await waitingJob(cleanup, { parallelism: 70, name: "wide" });
    const { server, clock } = await controlled(cleanup, { handle });
    const { report } = await askJob(server.path, { type: "status" }, { clock, timeout: 30_000 });
    const [pipeline] = report.status.pipelines;
    expect(pipeline?.subtasks).toHaveLength(64);
    expect(report.subtasksLeftOut).toBe(6);

    const facts = { pid: 1, startedAt: 0, uptime: 0, checkpointDirectory: undefined };
    const cut = reportOf(handle, facts, 2);
    expect(cut.status.pipelines[0]?.subtasks).toHaveLength(16);
    expect(cut.subtasksLeftOut).toBe(54);
    expect(reportOf(handle, facts, 7)).toMatchObject({ subtasksLeftOut: 70 });
  });
});

describe("a control directory is refused", () => {
  const refusal = async (directory: string, says: RegExp): Promise<void> => {
    await expect(controlled(cleanup, { directory })).rejects.toMatchObject({
      code: "CONNECTION_FAILED",
      message: expect.stringMatching(says),
      hint: expect.stringMatching(/0700/),
    });
  };

  it("when others may look into it", async () => {
    const directory = join(await temporaryDirectory(cleanup), "open");
    await mkdir(directory);
    await chmod(directory, 0o750);
    await refusal(directory, /its permissions are 0750, not 0700/);
    expect(await readdir(directory)).toEqual([]);
  });

  it("when it is a link, though to a good one", async () => {
    const parent = await temporaryDirectory(cleanup);
    await mkdir(join(parent, "good"), { mode: 0o700 });
    await symlink(join(parent, "good"), join(parent, "link"));
    await refusal(join(parent, "link"), /it is no directory/);
  });

  it("when it is somebody else's", async () => {
    // Root can give a directory away; to anybody else the root directory is somebody else's.
    let directory = "/";
    if (process.getuid?.() === 0) {
      directory = join(await temporaryDirectory(cleanup), "given");
      await mkdir(directory, { mode: 0o700 });
      await chown(directory, 12_345, 12_345);
    }
    await refusal(directory, /it belongs to user \d+/);
  });

  it("when its parent is not there", async () => {
    await refusal(join(await temporaryDirectory(cleanup), "no", "control"), /cannot be created/);
  });
});

describe("a socket's name", () => {
  it("has what can be typed of the job's name, and the process", () => {
    expect(controlId("../flights by day\n", 7)).toBe("___flights_by_day_-7");
    expect(controlId("x".repeat(300), 7)).toBe(`${"x".repeat(24)}-7`);
  });

  it("that no socket can have is refused with what to do", async () => {
    const directory = join(await temporaryDirectory(cleanup), "x".repeat(100));
    expect(() => socketPath(directory, "a-1")).toThrow(/may have/);
    await expect(controlled(cleanup, { directory })).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      hint: expect.stringMatching(/XDG_RUNTIME_DIR/),
    });
  });

  it("that another process listens at is not taken from it", async () => {
    const { directory, server, handle, clock } = await controlled(cleanup);
    const second = ControlServer.open({ handle, clock, directory });
    await expect(second).rejects.toMatchObject({
      code: "CONNECTION_FAILED",
      cause: { message: expect.stringMatching(/another process listens/) },
    });
    expect(await readdir(directory)).toHaveLength(1);
    const { report } = await askJob(server.path, { type: "status" }, { clock, timeout: 30_000 });
    expect(report.status.jobName).toBe("waiting");
  });
});
