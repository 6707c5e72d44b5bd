import { afterEach, describe, expect, it } from "vitest";
import { Replay } from "../../../src/inspect/replay/index.js";
import { RealClock } from "../../../src/mailbox/index.js";
import { Cleanup } from "../../control/control-harness.js";
import { type Line, linesOf, recordedJob, replayed, replayOf, rewrite } from "./recorded-job.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** All that a replay says of its place. */
function standOf(replay: Replay): unknown {
  return {
    place: replay.place,
    time: replay.time,
    line: replay.line,
    step: replay.step,
    machines: [...replay.machines].map(({ snapshot, ...machine }) => ({
      ...machine,
      value: snapshot?.value,
      context: snapshot?.context,
    })),
  };
}

function stepOf(lines: readonly Line[], states: string): Line {
  const found = lines.find((line) => line.kind === "step" && String(line.states) === states);
  if (found === undefined) throw new Error(`no step to ${states}`);
  return found;
}

describe("a replay", { timeout: 60_000 }, () => {
  it("takes the real machines through the recorded steps, and they do the same", async () => {
    const file = await recordedJob(cleanup);
    const lines = await linesOf(file);
    const replay = replayed(cleanup, file);
    expect(replay.differences).toEqual([]);
    const machines = [...replay.machines];
    expect(machines.filter(({ followed }) => followed !== undefined)).toEqual([]);
    expect(machines.find(({ machine }) => machine === "job")).toMatchObject({
      states: ["FINISHED"],
      status: "done",
      hasEnded: true,
    });
    expect(machines.length).toBe(lines.filter(({ kind }) => kind === "machine").length);
    expect(replay.time).toBe(lines.at(-1)?.time);
  });

  it("is the same at a place however one came there", async () => {
    const file = await recordedJob(cleanup, { maxFileSize: 8192, keptFiles: 100 });
    const replay = replayOf(cleanup, file);
    const stands = [standOf(replay)];
    while (replay.forward()) stands.push(standOf(replay));
    expect(stands.length).toBeGreaterThan(100);
    for (let i = 0, place = 0; i < 150; i++) {
      place = (place * 31 + 17 * i + 7) % stands.length;
      replay.goTo(place);
      const { line, step, ...stand } = stands[place] as Record<string, unknown>;
      expect(standOf(replay)).toMatchObject(stand);
      if (place > 0) expect(standOf(replay)).toMatchObject({ line });
    }
    replay.goTo(-5);
    expect(standOf(replay)).toEqual(stands[0]);
    replay.goTo(1e9);
    expect(replay.place).toBe(replay.size);
  });

  it("goes back over many lines from a moment that was kept", async () => {
    const file = await recordedJob(cleanup);
    const [header, ...lines] = (await linesOf(file)) as [Line, ...Line[]];
    // The same life again and again.
    const many = Array.from({ length: 12 }, (_, life) =>
      lines.map((line, index) => ({
        ...line,
        line: life * lines.length + index + 1,
        ...("session" in line && { session: `${life}:${line.session}` }),
      })),
    ).flat();
    const replay = replayOf(cleanup, await rewrite(file, [header, ...many]));
    const at = new Map<number, unknown>();
    while (replay.forward()) if (replay.place % 50 === 0) at.set(replay.place, standOf(replay));
    expect(replay.size).toBeGreaterThan(1000);
    expect(replay.differences).toEqual([]);
    for (const [place, stand] of [...at].reverse()) {
      replay.goTo(place);
      expect(standOf(replay)).toEqual(stand);
    }
  });

  it("stops at a line's number, an event's type, an address and the beginning of one", async () => {
    const file = await recordedJob(cleanup);
    const replay = replayOf(cleanup, file);
    expect(replay.runUntil("StartJob")).toBe(true);
    expect(replay.line).toMatchObject({ kind: "envelope", event: { type: "StartJob" } });
    expect(replay.runUntil("replayed/numbers/subtask/1/attempt/0")).toBe(true);
    expect(JSON.stringify(replay.line)).toContain("replayed/numbers/subtask/1/attempt/0");
    const { place } = replay;
    expect(replay.runUntil("replayed/numbers/subtask/*")).toBe(true);
    expect(replay.place).toBeGreaterThan(place);
    expect(replay.runBackUntil("StartJob")).toBe(true);
    expect(replay.line).toMatchObject({ event: { type: "StartJob" } });
    expect(replay.place).toBeLessThan(place);
    const before = replay.place;
    expect(replay.runBackUntil("NoSuchEvent")).toBe(false);
    expect(replay.place).toBe(before);
    expect(replay.runUntil("NoSuchEvent")).toBe(false);
    expect(replay.place).toBe(replay.size);
    expect(replay.runUntil(5)).toBe(true);
    expect(replay.line).toHaveProperty("line", 5);
  });

  it("says where a machine does other than the record says, once, and follows the record then", async () => {
    const file = await recordedJob(cleanup);
    const lines = await linesOf(file);
    const running = stepOf(lines, "RUNNING");
    running.states = ["CANCELLING"];
    const replay = replayOf(cleanup, await rewrite(file, lines));
    expect(replay.runUntil("difference")).toBe(true);
    expect(replay.line).toHaveProperty("line", running.line);
    replay.goTo(replay.size);
    expect(replay.differences).toEqual([
      expect.objectContaining({
        line: running.line,
        machine: "job",
        recorded: "CANCELLING",
        replayed: "RUNNING",
        isCut: false,
      }),
    ]);
    const job = [...replay.machines].find(({ machine }) => machine === "job");
    expect(job).toMatchObject({ states: ["FINISHED"], followed: expect.any(String) });
    // What was found is not found again.
    replay.goTo(0);
    replay.goTo(replay.size);
    expect(replay.differenceCount).toBe(1);
    expect(replay.runBackUntil("difference")).toBe(true);
    expect(replay.line).toHaveProperty("line", running.line);
  });

  it("says so when a guard decides otherwise, and when something of the event is missing", async () => {
    const file = await recordedJob(cleanup);
    const lines = await linesOf(file);
    const reader = lines.find(
      ({ kind, event }) => kind === "step" && (event as Line).type === "AttemptReady",
    ) as Line;
    const coordinator = reader.session;
    const late = lines.find(
      ({ kind, session, states }) =>
        kind === "step" && session === coordinator && String(states) === "closing",
    ) as Line;
    late.event = { type: "CoordinatorFailed", error: { $deep: "Error" } };
    const replay = replayed(cleanup, await rewrite(file, lines));
    expect(replay.differences).toEqual([
      expect.objectContaining({
        line: late.line,
        event: "CoordinatorFailed",
        recorded: "closing",
        replayed: "failed",
        isCut: true,
      }),
    ]);
  });

  it("compares how a machine begins: its state and its context from its input", async () => {
    const file = await recordedJob(cleanup);
    const lines = await linesOf(file);
    const coordinator = lines.find(
      ({ kind, machine }) => kind === "machine" && machine === "source-coordinator",
    ) as Line;
    coordinator.input = { parallelism: 3 };
    const replay = replayed(cleanup, await rewrite(file, lines));
    expect(replay.differences).toEqual([
      expect.objectContaining({
        line: coordinator.line,
        recorded: expect.stringContaining('"parallelism":2'),
        replayed: expect.stringContaining('"parallelism":3'),
      }),
    ]);
    // It goes on from the recorded one.
    const machine = [...replay.machines].find(({ session }) => session === coordinator.session);
    expect(machine?.snapshot?.context).toMatchObject({ parallelism: 2 });
  });

  it("takes what was redacted for equal", async () => {
    const file = await recordedJob(cleanup, { redact: ["tolerableFailures"] });
    expect(JSON.stringify(await linesOf(file))).toContain('"tolerableFailures":"[redacted]"');
    expect(replayed(cleanup, file).differences).toEqual([]);
  });

  it("follows machines that this release does not have, or not in that state", async () => {
    const file = await recordedJob(cleanup);
    const lines = await linesOf(file);
    for (const line of lines) if (line.machine === "committer") line.machine = "__proto__";
    const job = lines.find(({ machine }) => machine === "job") as Line;
    Object.assign(job, { value: "DREAMING", isLate: true });
    const replay = replayed(cleanup, await rewrite(file, lines));
    const machines = [...replay.machines];
    const unknown = machines.filter(({ machine }) => machine === "__proto__");
    expect(unknown).toHaveLength(2);
    for (const one of unknown) {
      expect(one).toMatchObject({ states: ["Closed"], followed: expect.stringMatching(/no such/) });
    }
    expect(replay.differences).toEqual([
      expect.objectContaining({ machine: "job", recorded: expect.stringMatching(/^DREAMING/) }),
    ]);
    expect(machines.find(({ machine }) => machine === "job")).toMatchObject({
      states: ["FINISHED"],
    });
  });

  it("blames no machine for steps that are missing, until the record describes it again", async () => {
    const file = await recordedJob(cleanup);
    const lines = await linesOf(file);
    const running = stepOf(lines, "RUNNING");
    const at = lines.indexOf(running);
    const { line, time, session } = running;
    const without = lines.with(at, { kind: "dropped", line, time, count: 9 });
    const replay = replayed(cleanup, await rewrite(file, without));
    expect(replay.run.problems[0]?.message).toMatch(/9 lines came too fast/);
    expect(replay.differences).toEqual([]);
    const job = () => [...replay.machines].find((one) => one.session === session);
    expect(job()).toMatchObject({ states: ["FINISHED"], followed: expect.any(String) });

    const described: Line = {
      kind: "machine",
      line: (line as number) + 0.5,
      time,
      session,
      actor: "replayed/job-master",
      machine: "job",
      value: "RUNNING",
      context: { released: false, backoffOver: false },
      isLate: true,
    };
    const again = without.toSpliced(at + 1, 0, described).map((one, index) => {
      return index === 0 ? one : { ...one, line: index };
    });
    const healed = replayed(cleanup, await rewrite(file, again));
    expect(healed.differences).toEqual([]);
    const whole = [...healed.machines].find((one) => one.session === session);
    expect(whole).toMatchObject({ states: ["FINISHED"], status: "done" });
    expect(whole?.followed).toBeUndefined();
  });

  it("needs no file that is gone: each begins with the machines that run", async () => {
    const file = await recordedJob(cleanup, { maxFileSize: 8192, keptFiles: 1 });
    const replay = replayed(cleanup, file);
    expect(replay.run.line(1).line).toBeGreaterThan(1);
    expect(replay.differences).toEqual([]);
    const machines = [...replay.machines];
    expect(machines.map(({ machine }) => machine)).toContain("job");
    expect(machines.filter(({ followed }) => followed !== undefined)).toEqual([]);
  });

  it("follows a step whose machine is nowhere described", async () => {
    const file = await recordedJob(cleanup);
    const lines = await linesOf(file);
    const kept = lines.filter(({ kind, machine }) => kind !== "machine" || machine !== "job");
    const replay = replayed(cleanup, await rewrite(file, kept));
    expect([...replay.machines]).toContainEqual(
      expect.objectContaining({ machine: "?", states: ["FINISHED"], followed: expect.any(String) }),
    );
  });
});

describe("the wall clock of a replay", () => {
  it("is the record's, and waits for nothing", async () => {
    const file = await recordedJob(cleanup);
    const [header, ...lines] = (await linesOf(file)) as [Line, ...Line[]];
    const hour = 3_600_000;
    const slow = lines.map((line, index) => ({
      ...line,
      time: (header.startedAt as number) + index * hour,
    }));
    const replay = new Replay(replayed(cleanup, await rewrite(file, [header, ...slow])).run);
    replay.goTo(100);
    expect(replay.time).toBe((header.startedAt as number) + 99 * hour);
    replay.goTo(2);
    expect(replay.time).toBe((header.startedAt as number) + hour);
    expect(replay.time).toBeLessThan(new RealClock().now() + 2 * hour);
  });
});
