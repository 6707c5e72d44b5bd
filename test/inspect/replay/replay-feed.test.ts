import { afterEach, describe, expect, it } from "vitest";
import type { MailboxEnvelope } from "../../../src/inspect/index.js";
import { type Replay, serveReplay } from "../../../src/inspect/replay/index.js";
import { Cleanup } from "../../control/control-harness.js";
import { Page } from "../inspect-harness.js";
import { type Line, linesOf, recordedJob, replayOf, rewrite } from "./recorded-job.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const JOB = "replayed/job-master";

async function served(replay: Replay): Promise<Page> {
  const { url, close } = await serveReplay(replay, { port: 0 });
  cleanup.add(close);
  const page = new Page(url, cleanup);
  await page.until(() => page.of("replay").length > 0);
  return page;
}

/** Resolves when the page has been told that the replay stands there. */
async function standsAt(page: Page, place: number): Promise<void> {
  await page.until(() => page.of("replay").at(-1)?.place === place);
}

/** What a page shows that forgets as it is told to. */
function shown(page: Page): { envelopes: MailboxEnvelope[]; transitions: string[] } {
  let envelopes: MailboxEnvelope[] = [];
  let transitions: string[] = [];
  for (const message of page.messages) {
    if (message.type === "replay" && message.isReset) {
      envelopes = [];
      transitions = [];
    } else if (message.type === "mailbox") envelopes.push(...message.items);
    else if (message.type === "transitions") {
      transitions.push(...message.items.map(({ event, to }) => `${event} ${to}`));
    }
  }
  return { envelopes, transitions };
}

describe("a page that looks at a replay", { timeout: 60_000 }, () => {
  it("is told that it is one, and steps on and back", async () => {
    const page = await served(replayOf(cleanup, await recordedJob(cleanup)));
    expect(page.of("hello")[0]).toMatchObject({ replay: true, job: "replayed", root: JOB });
    expect(page.of("replay")[0]).toMatchObject({ place: 0, isReset: true, problems: [] });
    expect([...page.rows().keys()]).toEqual([JOB]);
    page.say({ type: "replay.step", count: 2 });
    await standsAt(page, 2);
    page.say({ type: "replay.step" });
    await standsAt(page, 3);
    expect(page.of("replay").at(-1)).toMatchObject({
      isReset: false,
      last: { kind: "envelope", actor: JOB, event: "StartJob" },
    });
    expect(page.rows().get(JOB)).toMatchObject({ kind: "job", states: ["CREATED"] });
    expect(page.of("machine").map(({ machine }) => machine)).toContain("job");
    page.say({ type: "replay.back", count: 2 });
    await standsAt(page, 1);
    expect(page.rows().get(JOB)?.states).toBeUndefined();
    page.say({ type: "replay.back", count: 2 });
    await standsAt(page, 0);
    page.say({ type: "replay.back" });
    await page.until(() => page.of("replay").at(-1)?.note !== undefined);
    expect(page.of("replay").at(-1)?.note).toMatch(/beginning/);
  });

  it("goes to the end and sees the tree as it was then, and to an event before it", async () => {
    const replay = replayOf(cleanup, await recordedJob(cleanup));
    const page = await served(replay);
    page.say({ type: "subscribe", snapshots: [JOB] });
    page.say({ type: "replay.goto", to: replay.size });
    await standsAt(page, replay.size);
    await page.until(() => page.rows().get(JOB)?.states?.[0] === "FINISHED");
    const rows = page.rows();
    expect(rows.get("replayed/numbers")).toMatchObject({ kind: "pipeline", parent: JOB });
    expect(rows.get("replayed/numbers/subtask/0/attempt/0")).toMatchObject({
      kind: "subtask",
      parent: "replayed/numbers",
      name: "subtask 0",
      states: ["CLOSED"],
      ended: true,
    });
    expect(rows.get("replayed/numbers/subtask/0/attempt/0/operator")).toMatchObject({
      parent: "replayed/numbers/subtask/0/attempt/0",
    });
    await page.until(() => page.of("snapshot").at(-1)?.status === "done");
    expect(page.of("snapshot").at(-1)).toMatchObject({
      actor: JOB,
      context: { released: expect.any(Boolean) },
    });
    page.say({ type: "replay.goto", to: "StartJob", back: true });
    await standsAt(page, 3);
    await page.until(() => page.rows().get("replayed/numbers") === undefined);
    expect(page.rows().get(JOB)).toMatchObject({ states: ["CREATED"] });
    page.say({ type: "replay.goto", to: "NoSuchEvent" });
    await page.until(() => page.of("replay").at(-1)?.note !== undefined);
    expect(page.of("replay").at(-1)).toMatchObject({ place: 3, note: "no NoSuchEvent after this" });
  });

  it("sees the envelopes and transitions up to the place, however it came there", async () => {
    const file = await recordedJob(cleanup);
    const [, ...lines] = await linesOf(file);
    const replay = replayOf(cleanup, file);
    const page = await served(replay);
    page.say({ type: "subscribe", transitions: [JOB], mailbox: { actors: [JOB], payloads: true } });
    const expected = (place: number): unknown =>
      lines
        .slice(0, place)
        .filter(({ kind, from, to }) => kind === "envelope" && (from === JOB || to === JOB))
        .map(({ from, to, sequence, event }) => ({ from, to, sequence, payload: event }))
        .slice(-200);
    const half = replay.size >> 1;
    page.say({ type: "replay.goto", to: half });
    await standsAt(page, half);
    for (let i = 1; i <= 12; i++) page.say({ type: "replay.step" });
    await standsAt(page, half + 12);
    page.say({ type: "replay.back", count: 5 });
    await standsAt(page, half + 7);
    page.say({ type: "replay.goto", to: replay.size });
    await standsAt(page, replay.size);
    page.say({ type: "replay.goto", to: half });
    await standsAt(page, half);
    page.say({ type: "replay.step" });
    await standsAt(page, half + 1);
    const seen = shown(page).envelopes.map(({ from, to, sequence, payload }) => {
      return { from, to, sequence, payload };
    });
    expect(seen).toEqual(expected(half + 1));
    const job = lines.find(({ machine }) => machine === "job")?.session;
    const steps = lines
      .slice(0, half + 1)
      .filter(({ kind, session }) => kind === "step" && session === job)
      .map(({ event, states }) => `${(event as Line).type} ${states}`);
    expect(steps.length).toBeGreaterThan(1);
    expect(shown(page).transitions).toEqual(steps);
  });

  it("moves every other page too", async () => {
    const replay = replayOf(cleanup, await recordedJob(cleanup));
    const { url, close } = await serveReplay(replay, { port: 0 });
    cleanup.add(close);
    const [one, other] = [new Page(url, cleanup), new Page(url, cleanup)];
    await one.until(() => one.of("replay").length > 0);
    await other.until(() => other.of("replay").length > 0);
    one.say({ type: "replay.goto", to: 20 });
    await standsAt(other, 20);
    expect(other.rows().size).toBe(one.rows().size);
    await close();
    await other.closed;
  });

  it("is told of differences and of what is wrong with the record", async () => {
    const file = await recordedJob(cleanup);
    const lines: (Line | string)[] = await linesOf(file);
    const at = lines.findIndex((line) => String((line as Line).states) === "RUNNING");
    const running = lines[at] as Line;
    lines[at] = { ...running, states: ["FAILING"] };
    const replay = replayOf(cleanup, await rewrite(file, [...lines, "{"]));
    const page = await served(replay);
    page.say({ type: "replay.goto", to: "difference" });
    await page.until(() => page.of("replay").at(-1)?.differenceCount === 1);
    expect(page.of("replay").at(-1)).toMatchObject({
      last: { line: running.line },
      differences: [{ line: running.line, recorded: "FAILING", replayed: "RUNNING" }],
      problems: [expect.stringMatching(/is no JSON/)],
    });
  });

  it.each([
    ['{"type":"replay.step","count":0}', /count/],
    ['{"type":"replay.goto","to":-1}', /to/],
    ['{"type":"replay.goto","to":""}', /to/],
    ['{"type":"replay.fly"}', /type/],
    ["null", /./],
    ["{", /./],
  ])("is refused %s and told why; the replay stays", async (text, why) => {
    const page = await served(replayOf(cleanup, await recordedJob(cleanup)));
    page.say(text);
    await page.until(() => page.of("refused").length > 0);
    expect(page.of("refused")[0]?.message).toMatch(why);
    page.say({ type: "replay.step" });
    await standsAt(page, 1);
  });
});
