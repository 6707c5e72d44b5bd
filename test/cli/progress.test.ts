import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { badRecordsLine, jobLine, subtaskLines } from "../../src/cli/job-summary.js";
import { Progress } from "../../src/cli/progress.js";
import { VirtualClock } from "../../src/mailbox/index.js";
import type { JobHandle, JobStatus, SubtaskStatus } from "../../src/runtime/index.js";

const ESCAPE = String.fromCharCode(27);

function subtask(change: Partial<SubtaskStatus>): SubtaskStatus {
  return {
    state: "RUNNING",
    mode: "READING",
    records: 0,
    badRecords: 0,
    lastBadRecord: undefined,
    watermark: Number.NEGATIVE_INFINITY,
    maxDesiredWatermark: Number.POSITIVE_INFINITY,
    idle: false,
    backPressured: false,
    splits: 0,
    paused: 0,
    splitWatermarks: {},
    pausedSplits: [],
    ...change,
  };
}

/** A handle whose subtasks are in the test's hands. */
function watched() {
  const subtasks: SubtaskStatus[] = [subtask({})];
  const status = (): JobStatus => ({
    jobName: "watched",
    state: "RUNNING",
    restoredFrom: undefined,
    restarts: 0,
    lastError: undefined,
    completedCheckpoints: 0,
    lastCheckpoint: undefined,
    savepoint: undefined,
    pipelines: [
      {
        id: "source-0",
        source: "numbers",
        sink: "print",
        parallelism: subtasks.length,
        subtasks: subtasks.map((one, index) => ({ subtask: index, attempt: 0, status: one })),
      },
    ],
  });
  const handle = { jobName: "watched", status } as JobHandle;
  return { handle, subtasks };
}

function stream(isTTY: boolean, written: string[] = []) {
  const writable = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      done();
    },
  });
  const out = Object.assign(writable, { isTTY, columns: 200, rows: 50 });
  return { out: out as unknown as NodeJS.WriteStream, written };
}

describe("progress where there is no terminal", () => {
  it("is a plain line a second, and one at the end", () => {
    const clock = new VirtualClock();
    const { handle, subtasks } = watched();
    const { out, written } = stream(false);
    const progress = new Progress(handle, { clock, out, results: stream(false).out });
    clock.advance(999);
    expect(written).toEqual([]);
    subtasks[0] = subtask({ records: 5000 });
    clock.advance(2001);
    progress.stop();

    expect(written).toHaveLength(4);
    expect(written.join("")).not.toContain(ESCAPE);
    expect(written[0]).toMatch(/^watched RUNNING · 5,000 records · .*\n$/);
    expect(clock.pendingTimers).toBe(0);
  });

  it("looks at the skew ten times a second", () => {
    const clock = new VirtualClock();
    const { handle, subtasks } = watched();
    const progress = new Progress(handle, {
      clock,
      out: stream(false).out,
      results: stream(false).out,
    });
    clock.advance(350);
    subtasks[0] = subtask({
      splitWatermarks: { a: 1000, b: 61_000, c: 90_000 },
      pausedSplits: ["c"],
    });
    clock.advance(600);
    subtasks[0] = subtask({ splitWatermarks: { a: 60_000, b: 61_000 } });
    progress.stop();

    expect(progress.skew.median).toBe(60_000);
  });
});

describe("bad records", () => {
  const bad = (position: number, time: number, message = "not JSON") => ({
    lastBadRecord: { splitId: "events.json", position, message, time },
  });

  it("are in the line as soon as there are some", () => {
    const { handle, subtasks } = watched();
    expect(jobLine(handle.status(), 0)).not.toContain("bad");
    subtasks[0] = subtask({ records: 5000, badRecords: 1, ...bad(7, 1) });
    expect(jobLine(handle.status(), 0)).toContain(" · 5,000 records · 1 bad record · 0/s · ");
    subtasks[1] = subtask({ badRecords: 1999, ...bad(9, 2) });
    expect(jobLine(handle.status(), 0)).toContain(" · 5,000 records · 2,000 bad records · 0/s");
    expect(subtaskLines(handle.status())[1]).toMatch(/ {2}1,999 bad records$/);
  });

  it("are summed up with the one that was met last, in whichever subtask", () => {
    const { handle, subtasks } = watched();
    expect(badRecordsLine(handle.status())).toBeUndefined();
    subtasks[0] = subtask({ badRecords: 1, ...bad(7, 10) });
    expect(badRecordsLine(handle.status())).toBe(
      "1 bad record in split events.json at position 7: not JSON",
    );
    subtasks[1] = subtask({ badRecords: 2, ...bad(8, 30, "too long") });
    subtasks[2] = subtask({ badRecords: 2, ...bad(9, 20) });
    expect(badRecordsLine(handle.status())).toBe(
      "5 bad records, the last in split events.json at position 8: too long",
    );
  });
});

describe("progress in a terminal", () => {
  it("is one block that is drawn anew, with a line for each subtask", () => {
    const clock = new VirtualClock();
    const { handle, subtasks } = watched();
    const { out, written } = stream(true);
    subtasks.push(subtask({ mode: "WAITING_FOR_ALIGNMENT", idle: true, backPressured: true }));
    const progress = new Progress(handle, { clock, out, results: stream(false).out });
    clock.advance(100);
    const first = written.join("");
    expect(first).toContain("watched RUNNING");
    expect(first).toMatch(/source-0\/0 +READING/);
    expect(first).toMatch(/source-0\/1 +WAITING_FOR_ALIGNMENT .*idle {2}back-pressured/);

    subtasks[0] = subtask({ records: 42 });
    clock.advance(100);
    progress.stop();
    // It goes back over the block that it has drawn.
    expect(written.join("").slice(first.length)).toContain(`${ESCAPE}[`);
    expect(written.join("")).toContain("42 records");
  });

  it("makes room for results that go to the same terminal", () => {
    const clock = new VirtualClock();
    const terminal: string[] = [];
    const { out } = stream(true, terminal);
    const { out: results } = stream(true, terminal);
    const write = results.write;
    const progress = new Progress(watched().handle, { clock, out, results });
    clock.advance(100);
    terminal.length = 0;
    results.write("a result\n");

    // First the block goes, then the result comes, and the block below it.
    const result = terminal.indexOf("a result\n");
    expect(terminal.slice(0, result).join("")).toContain(ESCAPE);
    expect(terminal.slice(result + 1).join("")).toContain("watched RUNNING");
    progress.stop();
    expect(results.write).toBe(write);
  });
});
