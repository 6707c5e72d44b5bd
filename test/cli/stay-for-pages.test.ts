import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Cleanup } from "../control/control-harness.js";
import { Page } from "../inspect/inspect-harness.js";
import { build, headwater } from "./command-line.js";

const cleanup = new Cleanup();
beforeAll(build, 180_000);
afterEach(() => cleanup.run());

/** Runs the job at its own pace until the page's address has been printed. */
async function inspectedRun(job: string, ...more: string[]) {
  const command = headwater([
    "run",
    `test/cli/jobs/${job}`,
    "--no-progress",
    "--inspect",
    "0",
    ...more,
  ]);
  cleanup.add(() => command.child.kill("SIGKILL"));
  let said = "";
  command.child.stderr?.on("data", (text) => {
    said += text;
  });
  await command.says(/inspector of .*: http:\/\/127\.0\.0\.1:\d+/);
  const [url = ""] = /http:\/\/\S+/.exec(said) ?? [];
  return { command, url, said: () => said };
}

describe("headwater run --inspect", { timeout: 120_000 }, () => {
  it("keeps the page there when the job has finished, until the page is closed, or Ctrl-C", async () => {
    for (const leave of ["close", "interrupt"] as const) {
      // Slow enough for a page to come.
      const { command, url } = await inspectedRun("sum.ts", "--pace", "300000");
      const page = new Page(url, cleanup);
      await page.until(() => page.of("hello").length > 0);
      await command.says(/has finished; the page stays open until it is closed: http/);
      await page.until(() => page.of("ended").length > 0);
      const late = new Page(url, cleanup);
      await late.until(() => late.of("ended").some(({ state }) => state === "FINISHED"));
      expect(command.child.exitCode).toBeNull();
      if (leave === "interrupt") command.child.kill("SIGINT");
      else for (const one of [page, late]) one.socket.close();
      expect((await command.done).code).toBe(0);
    }
  });

  it("ends with the job when nobody looks on", async () => {
    const { command, said } = await inspectedRun("sum.ts");
    expect((await command.done).code).toBe(0);
    expect(said()).not.toContain("stays open");
  });
});
