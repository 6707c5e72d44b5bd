import {
  type CheckpointStorage,
  defineJob,
  fixedDelayRestart,
  type Logger,
  numberSequenceSource,
} from "headwater";
import { describe, expect, it } from "vitest";
import { HeadwaterError } from "../../src/errors/index.js";
import { errorFields, JobLog, redactFields, redactText } from "../../src/logging/index.js";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function listening(): { readonly logger: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const to = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, fields: fields as Line["fields"] });
  };
  return {
    lines,
    logger: { debug: to("debug"), info: to("info"), warn: to("warn"), error: to("error") },
  };
}

/** Fails once, in the middle, with a secret in its error. */
function failingOnce() {
  let failures = 1;
  return {
    name: "failing",
    createWriter: () => ({
      write(records: readonly number[]) {
        if (records.includes(500) && failures-- > 0) {
          throw new Error("cannot reach postgres://me:hunter2@db with password=hunter2");
        }
      },
    }),
  };
}

describe("the log of a job", () => {
  it("tells its life from start to end, with the cause of a restart and without secrets", async () => {
    const { logger, lines } = listening();
    const job = defineJob("logged", (env) => {
      env.fromSource(numberSequenceSource({ from: 1, to: 1000 })).sinkTo(failingOnce());
    });
    const handle = await job.run({
      logger,
      restartStrategy: fixedDelayRestart({ attempts: 2, delay: 1 }),
    });
    await handle.done;
    const told = lines.map(({ message }) => message);
    expect(told[0]).toBe("job started");
    expect(told.at(-1)).toBe("job ended");
    expect(told).toEqual(
      expect.arrayContaining(["subtask started", "splits assigned", "splits returned"]),
    );
    expect(told.filter((message) => message === "subtask started")).toHaveLength(2);
    expect(told).toContain("split finished");
    const restart = lines.find(({ message }) => message === "job restarts");
    expect(restart).toMatchObject({
      level: "warn",
      fields: { job: "logged", restart: 1, whole: false, err: { code: "SINK_FAILED" } },
    });
    expect(JSON.stringify(restart)).toContain("cannot reach postgres://me:[redacted]@db");
    expect(JSON.stringify(lines)).not.toContain("hunter2");
    expect(lines.find(({ message }) => message === "splits assigned")?.fields).toMatchObject({
      pipeline: "source-0",
      subtask: 0,
      count: 1,
    });
    expect(lines.at(-1)?.fields).toMatchObject({ state: "FINISHED", restarts: 1 });
    // A line for each event of its life; a line per record would be a thousand.
    expect(lines.length).toBeLessThan(30);
  });

  it("ends with what the job failed of", async () => {
    const { logger, lines } = listening();
    const job = defineJob("fails", (env) => {
      env.fromSource(numberSequenceSource({ from: 1, to: 1000 })).sinkTo(failingOnce());
    });
    const handle = await job.run({ logger });
    await expect(handle.done).rejects.toThrow();
    expect(lines.at(-1)).toMatchObject({
      level: "error",
      message: "job failed",
      fields: { state: "FAILED", err: { code: "SINK_FAILED", scope: expect.any(String) } },
    });
  });

  it("says which checkpoint failed and why", async () => {
    const { logger, lines } = listening();
    const job = defineJob("checkpointed", (env) => {
      env.fromSource(numberSequenceSource({ from: 1, to: 100_000_000 })).sinkTo({
        name: "nowhere",
        createWriter: () => ({ write() {} }),
      });
    });
    const storage: CheckpointStorage = {
      store: () => Promise.reject(new Error("disk full, token: abcdef123")),
      storeSavepoint: () => Promise.reject(new Error("disk full")),
      list: () => Promise.resolve([]),
      restoreCandidates: () => Promise.resolve([]),
      discard: () => Promise.resolve(),
      load: () => Promise.reject(new Error("there is none")),
    };
    const handle = await job.run({
      logger,
      checkpoint: { storage, tolerableFailures: 100 },
    });
    let failure: unknown;
    for (let tries = 0; tries < 1000 && !lines.some(({ level }) => level === "warn"); tries++) {
      failure = await handle.checkpoint().catch((error: unknown) => error);
    }
    await handle.cancel();
    expect(failure).toBeInstanceOf(Error);
    const line = lines.find(({ message }) => message === "checkpoint failed");
    expect(line).toMatchObject({ level: "warn", fields: { err: { code: "CHECKPOINT_ABORTED" } } });
    expect(JSON.stringify(line)).toContain("disk full, token: [redacted]");
    expect(lines.at(-1)).toMatchObject({ message: "job ended", fields: { state: "CANCELED" } });
  });

  it("does not fail a job whose logger throws", async () => {
    const broken = (): never => {
      throw new Error("no log today");
    };
    const logger = { debug: broken, info: broken, warn: broken, error: broken };
    const job = defineJob("quiet", (env) => {
      env.fromSource(numberSequenceSource({ from: 1, to: 10 })).sinkTo({
        name: "nowhere",
        createWriter: () => ({ write() {} }),
      });
    });
    expect((await (await job.run({ logger })).done).state).toBe("FINISHED");
  });

  it("takes no logger that lacks a level", async () => {
    const job = defineJob("wrong", (env) => {
      env.fromSource(numberSequenceSource({ from: 1, to: 10 })).sinkTo({
        name: "nowhere",
        createWriter: () => ({ write() {} }),
      });
    });
    await expect(job.run({ logger: { info() {} } as never })).rejects.toThrow(
      /run\.logger: expected a logger with debug, info, warn and error/,
    );
  });
});

describe("redaction", () => {
  it.each([
    ["password=hunter2 and more", "password=[redacted] and more"],
    ["sasl.password: 'a b', user: me", "sasl.password: [redacted], user: me"],
    ['{"token":"abc","x":1}', '{"token":[redacted],"x":1}'],
    ["postgres://me:p%40ss@host:5432/db", "postgres://me:[redacted]@host:5432/db"],
    ["postgres://me:p@ss@host:5432/db", "postgres://me:[redacted]@host:5432/db"],
    ['{"password":"a\\"b","x":1}', '{"password":[redacted],"x":1}'],
    ['{\\"password\\":\\"a b\\"}', '{\\"password\\":[redacted]}'],
    ["password=[redacted], token: [redacted]", "password=[redacted], token: [redacted]"],
    ["Authorization: Bearer eyJhbGciOi.abc", "Authorization: [redacted] [redacted]"],
    ["?X-Amz-Signature=12ab&X-Amz-Date=1", "?X-Amz-Signature=[redacted]&X-Amz-Date=1"],
    ["set-cookie: sid=12", "set-cookie: [redacted]"],
    ["secretAccessKey=AKIA/123+x", "secretAccessKey=[redacted]"],
    ["split tokens.txt at 12", "split tokens.txt at 12"],
    ["http://host:80/path@x", "http://host:80/path@x"],
  ])("makes %j harmless", (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });

  it("hides a secret where a long text is cut", () => {
    const around = "x".repeat(3990);
    expect(redactText(`${around.slice(5)} password="a b c d e f"`)).not.toContain("a b");
    expect(redactText(`${around.slice(10)} postgres://me:hunter2@host`)).not.toContain("hunt");
    expect(redactText("x".repeat(9000))).toBe(`${"x".repeat(4000)}…`);
  });

  it("hides fields with the name of a secret, at any depth", () => {
    expect(
      redactFields({
        apiKey: "x",
        dbPass: "z",
        bypass: 1,
        sasl: { password: "y", user: "me" },
        passed: 3,
        n: 10n,
        w: -Infinity,
      }),
    ).toEqual({
      apiKey: "[redacted]",
      dbPass: "[redacted]",
      bypass: 1,
      sasl: { password: "[redacted]", user: "me" },
      passed: 3,
      n: "10",
      w: "-Infinity",
    });
  });

  it("keeps what an error is and why, and a bug's stack only", () => {
    const cause = new Error("refused");
    const facts = { retry: "never", scope: "job" } as const;
    const external = new HeadwaterError("CONNECTION_FAILED", "down", {
      ...facts,
      domain: "external",
      cause,
    });
    expect(errorFields(external)).toEqual({
      type: "HeadwaterError",
      code: "CONNECTION_FAILED",
      message: "down",
      domain: "external",
      ...facts,
      causes: ["refused"],
    });
    expect(errorFields(new Error("bug"))).toMatchObject({
      message: "bug",
      stack: expect.any(String),
    });
  });

  it("adds the fields of a child to those of its parent", () => {
    const { logger, lines } = listening();
    new JobLog(logger, { job: "a" }).child({ pipeline: "p" }).write("debug", "hello", { n: 1 });
    expect(lines).toEqual([
      { level: "debug", message: "hello", fields: { job: "a", pipeline: "p", n: 1 } },
    ]);
  });
});
