import { afterEach, describe, expect, it } from "vitest";
import { ReplayKeys } from "../../../src/cli/replay/replay-keys.js";
import {
  orderedMachines,
  replayScreen,
  replayText,
} from "../../../src/cli/replay/replay-screen.js";
import type { Replay } from "../../../src/inspect/replay/index.js";
import { Cleanup } from "../../control/control-harness.js";
import {
  type Line,
  linesOf,
  recordedJob,
  replayOf,
  rewrite,
} from "../../inspect/replay/recorded-job.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const RIGHT = "\x1b[C";
const LEFT = "\x1b[D";
const DOWN = "\x1b[B";

function keysOf(replay: Replay): ReplayKeys {
  return new ReplayKeys(replay, () => orderedMachines(replay).map(({ session }) => session));
}

async function replayOfJob(): Promise<Replay> {
  return replayOf(cleanup, await recordedJob(cleanup));
}

describe("the keys of a replay", { timeout: 60_000 }, () => {
  it("step on and back, by one and by a hundred, and to both ends", async () => {
    const replay = await replayOfJob();
    const keys = keysOf(replay);
    keys.type(RIGHT + RIGHT + RIGHT);
    expect(replay.place).toBe(3);
    keys.type(LEFT);
    expect(replay.place).toBe(2);
    keys.type("\x1b[6~");
    expect(replay.place).toBe(102);
    keys.type("\x1b[5~l");
    expect(replay.place).toBe(3);
    keys.type("G");
    expect(replay.place).toBe(replay.size);
    keys.type(RIGHT);
    expect(replay.place).toBe(replay.size);
    keys.type("g");
    expect(replay.place).toBe(0);
    expect(keys.type("x\x1b[99~")).toBe(false);
    expect(keys.type("q")).toBe(true);
  });

  it("find an event, a line and a difference; what is typed quits nothing", async () => {
    const replay = await replayOfJob();
    const keys = keysOf(replay);
    expect(keys.type("/RestorePointLoadedq\x7f\r")).toBe(false);
    expect(JSON.stringify(replay.line)).toContain("RestorePointLoaded");
    const { place } = replay;
    keys.type("/7\r");
    expect(replay.place).toBe(7);
    keys.type("n");
    expect(replay.place).toBe(place);
    keys.type("/Nothing");
    expect(keys.note).toContain("Nothing_");
    keys.type("\x1b");
    expect(replay.place).toBe(place);
    keys.type("d");
    expect(keys.note).toMatch(/^no difference after this/);
    expect(replay.place).toBe(place);
    expect(keys.type("/\x03")).toBe(true);
  });

  it("choose an actor; the one that took a step is chosen by itself", async () => {
    const replay = await replayOfJob();
    const keys = keysOf(replay);
    keys.type("G");
    keys.type(DOWN);
    const first = keys.selected;
    keys.type(DOWN);
    expect(keys.selected).not.toBe(first);
    keys.type(`g${RIGHT}${RIGHT}`);
    expect(replay.machine(keys.selected as string)?.machine).toBe("job");
  });
});

describe("the screen of a replay", { timeout: 60_000 }, () => {
  it("fits, and shows the place, the chosen machine and its context", async () => {
    const replay = await replayOfJob();
    const keys = keysOf(replay);
    keys.type("/RestorePointLoaded\r");
    for (const size of [
      { columns: 100, rows: 24 },
      { columns: 30, rows: 8 },
      { columns: 20, rows: 2 },
    ]) {
      const lines = replayScreen({ replay, selected: keys.selected, note: keys.note }, size);
      expect(lines.length).toBeLessThanOrEqual(size.rows);
      for (const { text } of lines) expect(text.length).toBeLessThanOrEqual(size.columns);
    }
    while (replay.forward()) {
      if (replay.machine("x:1")?.states[0] === "RUNNING") break;
    }
    const view = { replay, selected: "x:1", note: "" };
    const lines = replayScreen(view, { columns: 120, rows: 30 });
    expect(lines[0]?.text).toMatch(/^replay of replayed · \d+ of \d+ lines · .* · no difference/);
    const chosen = lines.find(({ style }) => style === "selected");
    expect(chosen?.text).toMatch(/replayed\/job-master +job +RUNNING/);
    expect(lines.map(({ text }) => text).join("\n")).toContain('{"released":');
  });

  it("cannot be steered by what a record holds, and tells differences and remarks", async () => {
    const file = await recordedJob(cleanup);
    const lines: (Line | string)[] = await linesOf(file);
    const at = lines.findIndex((line) => String((line as Line).states) === "RUNNING");
    lines[at] = { ...(lines[at] as Line), states: ["\x1b[2J"] };
    const replay = replayOf(cleanup, await rewrite(file, [...lines, "{"]));
    expect(keysOf(replay).note).toMatch(/is no JSON/);
    replay.runUntil("difference");
    const text = replayText(replay).join("\n");
    expect(text).not.toContain("\x1b");
    expect(text).toMatch(/line \d+: RestorePointLoaded at .*recorded .x1b\[2J; replayed RUNNING/);
    expect(text).toMatch(/about the record:\n.*is no JSON/);
  });
});
