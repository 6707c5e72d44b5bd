import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Cleanup, temporaryDirectory } from "../../control/control-harness.js";
import { Page } from "../../inspect/inspect-harness.js";
import { type Line, linesOf, recordedJob, rewrite } from "../../inspect/replay/recorded-job.js";
import { build, headwater } from "../command-line.js";

const cleanup = new Cleanup();
beforeAll(build, 240_000);
afterEach(() => cleanup.run());

describe("headwater replay", { timeout: 120_000 }, () => {
  it("prints the state at the end, or where it is to stop", async () => {
    const file = await recordedJob(cleanup);
    const whole = await headwater(["replay", file]).done;
    expect(whole).toMatchObject({ code: 0, stderr: "" });
    expect(whole.stdout).toMatch(/replay of replayed · (\d+) of \1 lines · .* · no difference/);
    expect(whole.stdout).toMatch(/replayed\/job-master +job +FINISHED/);
    const early = await headwater(["replay", file, "--until", "StartJob", "--json"]).done;
    expect(early.code).toBe(0);
    expect(JSON.parse(early.stdout)).toMatchObject({
      job: "replayed",
      place: 3,
      last: { event: "StartJob" },
      machines: [
        { machine: "checkpoint", states: ["waitingForTasks"] },
        { machine: "job", states: ["CREATED"], context: { released: false } },
      ],
      differences: [],
    });
    expect(await headwater(["replay", file, "--until", "difference"]).done).toMatchObject({
      code: 0,
      stdout: whole.stdout,
    });
  });

  it("ends with 1 at a difference, and says where it is", async () => {
    const file = await recordedJob(cleanup);
    const lines = await linesOf(file);
    const running = lines.find(({ states }) => String(states) === "RUNNING") as Line;
    running.states = ["FAILING"];
    await rewrite(file, lines);
    const { code, stdout } = await headwater(["replay", file, "--until", "difference"]).done;
    expect(code).toBe(1);
    expect(stdout).toContain(`line ${running.line}: RestorePointLoaded at replayed/job-master`);
    expect(stdout).toContain("recorded FAILING; replayed RUNNING");
  });

  it("serves the page until it is interrupted", async () => {
    const running = headwater(["replay", await recordedJob(cleanup), "--inspect", "0"]);
    cleanup.add(() => running.child.kill("SIGKILL"));
    let said = "";
    running.child.stderr?.on("data", (some) => {
      said += String(some);
    });
    await running.says(/replay of replayed: http:\S+/);
    const page = new Page(/http:\S+/.exec(said)?.[0] as string, cleanup);
    await page.until(() => page.of("replay").length > 0);
    page.say({ type: "replay.step", count: 5 });
    await page.until(() => page.of("replay").at(-1)?.place === 5);
    running.child.kill("SIGINT");
    expect((await running.done).code).toBe(0);
    await page.closed;
  });

  it("says what is wrong with the file, and with where to go", async () => {
    const missing = join(await temporaryDirectory(cleanup), "none.ndjson");
    const none = await headwater(["replay", missing]).done;
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot be read") });
    const other = await headwater(["replay", "package.json"]).done;
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining("is no record") });
    const file = await recordedJob(cleanup);
    const nowhere = await headwater(["replay", file, "--until", "Nothing"]).done;
    expect(nowhere).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("the record has no Nothing"),
    });
  });
});
