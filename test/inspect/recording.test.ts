import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createMachine } from "xstate";
import { machines } from "../../machines/index.js";
import { defineJob, discardSink, numberSequenceSource } from "../../src/index.js";
import { parseRecordLine, type RecordLine, unproject } from "../../src/inspect/index.js";
import { activeStates } from "../../src/inspect/machine-facts.js";
import { recordJob } from "../../src/inspect/recording/record-job.js";
import {
  parseRecordOptions,
  type RecordOptions,
} from "../../src/inspect/recording/record-options.js";
import { RecordFile, type RecordStore } from "../../src/inspect/recording/record-writer.js";
import { ActorSystem, MachineHost, RealClock } from "../../src/mailbox/index.js";
import { Cleanup, temporaryDirectory } from "../control/control-harness.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const numbers = defineJob("recorded", (env) => {
  env.fromSource(numberSequenceSource({ from: 1, to: 20_000 })).sinkTo(discardSink());
});

async function linesOf(path: string): Promise<RecordLine[]> {
  const text = await readFile(path, "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n")
    .map((line, index) => parseRecordLine(line, `line ${index + 1}`));
}

describe("a record", { timeout: 60_000 }, () => {
  it("has every envelope in order, every machine, and the state after each step", async () => {
    const file = join(await temporaryDirectory(cleanup), "run.ndjson");
    const handle = await numbers.run({ parallelism: 2, record: file });
    const { metrics } = await handle.done;
    const [header, ...lines] = await linesOf(file);
    expect(header).toMatchObject({ kind: "header", version: 1, job: "recorded", part: 0 });
    expect(lines.map((line) => "line" in line && line.line)).toEqual(lines.map((_, i) => i + 1));
    expect(lines.at(-1)).toMatchObject({ kind: "end", state: "FINISHED" });
    const envelopes = lines.filter((line) => line.kind === "envelope");
    const delivered = envelopes.filter(({ outcome }) => outcome === "delivered");
    expect(delivered.length).toBe(metrics["mailbox.numEventsDelivered"]);
    const next = new Map<string, number>();
    for (const { from, to, sequence } of delivered) {
      const pair = `${from} ${to}`;
      expect(sequence).toBe((next.get(pair) ?? 0) + 1);
      next.set(pair, sequence);
    }
    const sessions = new Map(
      lines.flatMap((line) => (line.kind === "machine" ? [[line.session, line.machine]] : [])),
    );
    expect(new Set(sessions.values())).toEqual(
      new Set([
        "job",
        "checkpoint",
        "source-coordinator",
        "subtask",
        "source-operator",
        "committer",
      ]),
    );
    const last = new Map(
      lines.flatMap((line) => (line.kind === "step" ? [[line.session, line.states.join()]] : [])),
    );
    const jobSession = [...sessions].find(([, machine]) => machine === "job")?.[0] as string;
    expect(last.get(jobSession)).toBe("FINISHED");
    for (const [session, machine] of sessions) {
      if (machine === "subtask") expect(last.get(session)).toBe("CLOSED");
    }
  });

  it("holds enough for the machines to take the same steps again", async () => {
    const file = join(await temporaryDirectory(cleanup), "run.ndjson");
    const handle = await numbers.run({ parallelism: 2, record: { file } });
    await handle.done;
    const hosts = new Map<string, MachineHost<(typeof machines)[string]>>();
    let steps = 0;
    for (const line of await linesOf(file)) {
      if (line.kind === "machine") {
        const machine = machines[line.machine] as (typeof machines)[string];
        const input = unproject(line.input);
        const host = new MachineHost(machine, {
          id: line.session,
          ...(input !== null && { input }),
        });
        hosts.set(line.session, host);
        expect(host.snapshot.value).toEqual(line.value);
        expect(host.snapshot.context).toEqual(unproject(line.context));
      } else if (line.kind === "step") {
        const host = hosts.get(line.session) as MachineHost<(typeof machines)[string]>;
        host.send(unproject(line.event) as never);
        expect(activeStates(host.snapshot.value)).toEqual(line.states);
        steps++;
      }
    }
    expect(steps).toBeGreaterThan(30);
  });

  it("goes on in a new file at its limit, and keeps so many full ones", async () => {
    const directory = await temporaryDirectory(cleanup);
    const file = join(directory, "run.ndjson");
    const handle = await numbers.run({
      parallelism: 4,
      record: { file, maxFileSize: 4096, keptFiles: 2 },
    });
    await handle.done;
    expect((await readdir(directory)).sort()).toEqual([
      "run.1.ndjson",
      "run.2.ndjson",
      "run.ndjson",
    ]);
    const parts = await Promise.all(
      ["run.2.ndjson", "run.1.ndjson", "run.ndjson"].map((name) => linesOf(join(directory, name))),
    );
    let before: number | undefined;
    for (const [header, ...lines] of parts) {
      expect(header?.kind).toBe("header");
      for (const line of lines) {
        if (!("line" in line)) throw new Error("a second header");
        if (before !== undefined) expect(line.line).toBe(before + 1);
        else expect(header).toMatchObject({ firstLine: line.line - 1 });
        before = line.line;
      }
    }
    const sizes = await Promise.all(
      ["run.1.ndjson", "run.2.ndjson"].map(
        async (name) => (await stat(join(directory, name))).size,
      ),
    );
    for (const size of sizes) expect(size).toBeGreaterThan(2048);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it("touches no file but its own, which only its owner may read though others could before", async () => {
    const directory = await temporaryDirectory(cleanup);
    const file = join(directory, "run.ndjson");
    const other = join(directory, "run.0.ndjson");
    await writeFile(file, "older", { mode: 0o644 });
    await chmod(file, 0o644);
    await writeFile(other, "mine");
    const store = await RecordFile.open(file);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await store.rotate(0);
    await store.close();
    expect(await readFile(other, "utf8")).toBe("mine");
  });

  it("begins a new file when one is full, not because many machines run", async () => {
    const { system, release, recording, rotations } = await slowRecord({ maxFileSize: 2048 });
    const inspect = system.machines.observer();
    const small = createMachine({ id: "small", initial: "open", states: { open: {} } });
    for (let i = 0; i < 50; i++) {
      new MachineHost(small, { id: `slow/${i}`, inspect });
    }
    const before = system.counts.deadLetters;
    for (let i = 0; i < 40; i++) system.post("slow/a", "slow/b", { type: "Small" });
    expect(system.counts.deadLetters - before).toBe(40);
    release();
    await recording.close("FINISHED");
    // Each machine's line and each envelope is far shorter than 1024 characters.
    expect(rotations()).toBeLessThan(30);
  });

  it("ends in the file that its last line fits no more", async () => {
    const { system, text, release, recording, rotations } = await slowRecord({ maxFileSize: 1024 });
    // Full but for a line: the end is what goes beyond.
    system.post("slow/a", "slow/b", { type: "x".repeat(850) });
    expect(rotations()).toBe(0);
    release();
    await recording.close("FINISHED");
    expect(JSON.parse(text().trimEnd().split("\n").at(-1) as string)).toMatchObject({
      kind: "end",
    });
    expect(rotations()).toBe(0);
  });

  it("refuses a file that cannot be written before anything runs", async () => {
    const file = join(await temporaryDirectory(cleanup), "nowhere", "run.ndjson");
    await expect(numbers.run({ record: file })).rejects.toMatchObject({
      code: "JOB_INVALID",
      message: expect.stringContaining(file),
    });
    await expect(numbers.run({ record: { file: "" } })).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });

  it("drops and counts what cannot be written in time, and the job never waits", async () => {
    const { system, text, release, recording } = await slowRecord();
    const big = "x".repeat(9000);
    for (let i = 0; i < 3000; i++) {
      system.post("slow/a", "slow/b", { type: "Big", big, i } as { type: string });
    }
    expect(system.counts.deadLetters).toBe(3000);
    release();
    await recording.close("FINISHED");
    const lines = text()
      .trimEnd()
      .split("\n")
      .map((line) => parseRecordLine(line, "line"));
    const written = lines.filter(({ kind }) => kind === "envelope").length;
    const dropped = lines.find((line) => line.kind === "dropped");
    // What was left out last is told before the end.
    expect(written).toBeGreaterThan(800);
    expect(dropped).toMatchObject({ count: 3000 - written });
    expect(lines.at(-1)).toMatchObject({ kind: "end" });
  });

  it("ends when it cannot be written any more, and says so once; the mailboxes go on", async () => {
    const said: string[] = [];
    const system = new ActorSystem({ clock: new RealClock() });
    const store: RecordStore = {
      write: () => Promise.reject(new Error("no space left")),
      rotate: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const options = parseRecordOptions({ file: "x", announce: (message) => said.push(message) });
    const recording = await recordJob("broken", system, options, () => Promise.resolve(store));
    system.post("a", "b", { type: "X" });
    await recording.close("FINISHED");
    system.post("a", "b", { type: "X" });
    expect(said).toEqual(["the record x has ended: no space left"]);
    expect(system.counts.deadLetters).toBe(2);
  });

  it("shows no secret of an event", async () => {
    const { system, text, release, recording } = await slowRecord();
    system.post("slow/a", "slow/b", { type: "X", password: "hidden" } as { type: string });
    release();
    await recording.close("FINISHED");
    expect(text()).toContain("[redacted]");
    expect(text()).not.toContain("hidden");
  });
});

describe("a line of a record", () => {
  it.each([
    ["{", "is no JSON", "FILE_CORRUPT"],
    ["1", "is no line of a record", "FILE_CORRUPT"],
    ['{"kind":"other"}', "is no line of a record", "FILE_CORRUPT"],
    ['{"kind":"header","format":"x"}', "is the header of no record", "FILE_CORRUPT"],
    [
      '{"kind":"header","format":"headwater-record","version":2}',
      "version 2",
      "UNSUPPORTED_OPERATION",
    ],
  ])("%s is refused", (text, message, code) => {
    let error: unknown;
    try {
      parseRecordLine(text, "line 7");
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code, message: expect.stringMatching(/^line 7/) });
    expect((error as Error).message).toContain(message);
  });
});

/** A record whose store writes nothing until it is released. */
async function slowRecord(limits: Partial<RecordOptions> = {}) {
  const system = new ActorSystem({ clock: new RealClock() });
  let written = "";
  let rotations = 0;
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const store: RecordStore = {
    async write(text) {
      await released;
      written += text;
    },
    async rotate() {
      rotations++;
    },
    close: () => Promise.resolve(),
  };
  const options = parseRecordOptions({ file: "slow.ndjson", ...limits });
  const recording = await recordJob("slow", system, options, () => Promise.resolve(store));
  return { system, text: () => written, release, recording, rotations: () => rotations };
}
