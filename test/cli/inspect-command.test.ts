import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Cleanup, temporaryDirectory } from "../control/control-harness.js";
import { Page } from "../inspect/inspect-harness.js";
import { build, headwater } from "./command-line.js";

const cleanup = new Cleanup();
beforeAll(build, 240_000);
afterEach(() => cleanup.run());

describe("headwater run --inspect, headwater inspect", { timeout: 120_000 }, () => {
  it("prints where the job shows itself, and the other command prints the same", async () => {
    const env = { XDG_RUNTIME_DIR: await temporaryDirectory(cleanup) };
    const record = join(await temporaryDirectory(cleanup), "run.ndjson");
    const args = ["run", "test/cli/jobs/waits.ts", "--no-progress"];
    const running = headwater([...args, "--inspect", "0", "--record", record], env);
    cleanup.add(() => running.child.kill("SIGKILL"));
    let said = "";
    running.child.stderr?.on("data", (some) => {
      said += String(some);
    });
    await running.says(/inspector of \S+: http:\S+/);
    const url = /http:\S+/.exec(said)?.[0] as string;
    const page = new Page(url, cleanup);
    await page.until(() => page.rows().size > 3);
    // The socket opens a little later than the inspector.
    let found = await headwater(["inspect"], env).done;
    for (let tries = 0; found.code !== 0 && tries < 20; tries++) {
      found = await headwater(["inspect"], env).done;
    }
    expect(found.stdout).toBe(`${url}\n`);
    expect(
      await headwater(["cancel", found.stderr.split(" ")[0] as string], env).done,
    ).toMatchObject({
      code: 0,
    });
    await running.done;
    await page.closed;
    expect(page.of("ended")).toHaveLength(1);
    const lines = (await readFile(record, "utf8")).trimEnd().split("\n");
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({ kind: "end" });
  });

  it("says that no job runs, and what it does not take", async () => {
    const env = { XDG_RUNTIME_DIR: await temporaryDirectory(cleanup) };
    const none = await headwater(["inspect"], env).done;
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining("no job runs here") });
    const wrong = await headwater(["run", "x.ts", "--inspect", "everywhere"], env).done;
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("a port from 0") });
  });
});
