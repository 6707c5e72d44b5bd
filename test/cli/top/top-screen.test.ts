import { describe, expect, it } from "vitest";
import { JobRates } from "../../../src/cli/top/job-rates.js";
import { painted } from "../../../src/cli/top/live-terminal.js";
import { type TopView, topScreen } from "../../../src/cli/top/top-screen.js";
import type { FoundJob, JobReport } from "../../../src/control/index.js";

const ESCAPE = String.fromCharCode(27);

function found(id: string, change: Partial<JobReport> = {}): FoundJob {
  const report: JobReport = {
    pid: 7,
    startedAt: 0,
    uptime: 65_000,
    checkpointDirectory: undefined,
    records: 12_345,
    badRecords: 2,
    watermark: Date.UTC(2001, 0, 2, 3, 4),
    subtasksLeftOut: 1,
    status: {
      jobName: "numbers",
      state: "RUNNING",
      restoredFrom: undefined,
      restarts: 1,
      lastError: { name: "Error", message: `sink ${ESCAPE}[31mdown` },
      completedCheckpoints: 3,
      lastCheckpoint: {
        checkpointId: 4,
        kind: "CHECKPOINT",
        location: "/c/4",
        bytes: 2048,
      } as never,
      savepoint: undefined,
      pipelines: [
        {
          id: "source-0",
          source: "numbers",
          sink: "print",
          parallelism: 2,
          subtasks: [
            {
              subtask: 0,
              attempt: 1,
              status: {
                state: "RUNNING",
                mode: "WAITING_FOR_ALIGNMENT",
                records: 12_000,
                badRecords: 2,
                lastBadRecord: undefined,
                watermark: Date.UTC(2001, 0, 2, 3, 4),
                maxDesiredWatermark: 0,
                idle: false,
                backPressured: true,
                splits: 3,
                paused: 1,
                splitWatermarks: {},
                pausedSplits: [],
              },
            },
            { subtask: 1, attempt: 0, status: undefined },
          ],
        },
      ],
    },
    checkpointMetrics: {
      "checkpoint.numberOfCompletedCheckpoints": 3,
      "checkpoint.numberOfFailedCheckpoints": 1,
      "checkpoint.numberOfInProgressCheckpoints": 1,
      "checkpoint.lastCheckpointDuration": 35,
    },
    loads: [
      {
        pipeline: "source-0",
        subtask: 0,
        busy: 250,
        idle: 150,
        backPressured: 600,
        recordsPerSecond: 800,
        watermarkLag: 61_000,
        pendingRecords: 42,
      },
    ],
    slowestSplits: [
      { pipeline: "source-0", subtask: 0, split: "a.csv", watermark: -Infinity, paused: false },
      { pipeline: "source-0", subtask: 0, split: "b.csv", watermark: 5, paused: true },
    ],
    ...change,
  };
  return { id, path: `/run/${id}.sock`, report, problem: undefined };
}

const view = (jobs: readonly FoundJob[], change: Partial<TopView> = {}): TopView => ({
  jobs,
  rates: new Map(),
  selected: undefined,
  note: "",
  ...change,
});

describe("the screen of headwater top", () => {
  it("shows jobs, throughput, lag, back-pressure, checkpoints, modes and the slowest splits", () => {
    const lines = topScreen(view([found("numbers-7")], { rates: new Map([["numbers-7", 950]]) }));
    expect(lines.map(({ text }) => text)).toEqual([
      "headwater top · 1 job",
      "ID         JOB      STATE    UP         RECORDS  REC/S  LAG        CHECKPOINTS  RESTARTS",
      "numbers-7  numbers  RUNNING  1 min 5 s  12,345   950    1 min 1 s  3            1",
      "",
      "numbers-7 · process 7 · watermark 2001-01-02 03:04 · 2 bad records",
      "checkpoints: 3 completed · 1 failed · 1 under way · last #4 in 35 ms, 2.0 kB",
      "last error: sink \\x1b[31mdown",
      "",
      "SUBTASK                 MODE                   SPLITS       RECORDS  REC/S  LAG        PENDING  BUSY  IDLE  HELD BACK  WATERMARK",
      "source-0/0 (attempt 2)  WAITING_FOR_ALIGNMENT  3, 1 paused  12,000   800    1 min 1 s  42       25%   15%   60%        2001-01-02 03:04  back-pressured",
      "source-0/1              starting",
      "and 1 more subtasks",
      "",
      "SLOWEST SPLITS  SUBTASK     WATERMARK",
      "a.csv           source-0/0  none yet",
      "b.csv           source-0/0  5          paused",
    ]);
  });

  it("fits any terminal, and hides nothing of the first line that there is room for", () => {
    for (const size of [
      { columns: 40, rows: 5 },
      { columns: 1, rows: 1 },
      { columns: 200, rows: 60 },
    ]) {
      const lines = topScreen(view([found("numbers-7")]), size);
      expect(lines.length).toBeLessThanOrEqual(size.rows);
      for (const { text } of lines) expect(text.length).toBeLessThanOrEqual(size.columns);
    }
    const small = topScreen(view([found("numbers-7")]), { columns: 24, rows: 3 });
    expect(small[2]?.text).toBe("numbers-7  numbers  RUN…");
  });

  it("marks the job that is chosen and shows it with all it has", () => {
    const jobs = [found("a-1"), found("b-2", { pid: 8 })];
    const lines = topScreen(view(jobs, { selected: "b-2", note: "q quits" }));
    expect(lines[0]?.text).toBe("headwater top · 2 jobs · q quits");
    expect(lines.filter(({ style }) => style === "selected").map(({ text }) => text)).toEqual([
      expect.stringMatching(/^b-2 /),
    ]);
    expect(lines.some(({ text }) => text.startsWith("b-2 · process 8"))).toBe(true);
  });

  it("shows a job that gives no answer, and that none runs", () => {
    const silent = { id: "c-3", path: "/c", report: undefined, problem: "timed out" };
    expect(topScreen(view([silent])).map(({ text }) => text)[2]).toMatch(
      /^c-3 .*no answer: timed out$/,
    );
    expect(topScreen(view([])).map(({ text }) => text)).toEqual([
      "headwater top · 0 jobs",
      "no jobs run here",
    ]);
  });

  it("knows a job of an earlier release, which tells no loads", () => {
    const { loads: _, slowestSplits: __, ...report } = found("old-1").report as JobReport;
    const lines = topScreen(view([{ ...found("old-1"), report }])).map(({ text }) => text);
    expect(lines[2]).toMatch(/^old-1 +numbers +RUNNING +1 min 5 s +12,345 +190 +– /);
    expect(lines.at(-1)).toBe("and 1 more subtasks");
  });

  it("is in colour only in a terminal", () => {
    const line = { text: "MODE", style: "heading" } as const;
    expect(painted(line, false)).toBe("MODE");
    expect(painted(line, true)).toContain(`${ESCAPE}[1m`);
  });
});

describe("the rates of headwater top", () => {
  it("are between two looks, by the job's own clock", () => {
    const rates = new JobRates();
    expect(rates.look([found("a", { uptime: 1000, records: 100 })]).size).toBe(0);
    const next = rates.look([found("a", { uptime: 3000, records: 500 }), found("b")]);
    expect([...next]).toEqual([["a", 200]]);
    // It has gone on from a savepoint: fewer records are no negative rate.
    expect([...rates.look([found("a", { uptime: 4000, records: 0 })])]).toEqual([["a", 0]]);
  });
});
