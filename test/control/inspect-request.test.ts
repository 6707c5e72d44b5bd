import { afterEach, describe, expect, it } from "vitest";
import { askJob } from "../../src/control/index.js";
import { RealClock } from "../../src/mailbox/index.js";
import { Page } from "../inspect/inspect-harness.js";
import { Cleanup, controlled } from "./control-harness.js";

const cleanup = new Cleanup();
const ask = { clock: new RealClock(), timeout: 30_000 };
afterEach(() => cleanup.run());

describe("a request for an inspector", { timeout: 60_000 }, () => {
  it("attaches one to the running job and answers its address; the second gets the same", async () => {
    const { server } = await controlled(cleanup);
    const request = { type: "inspect", port: 0, token: "over-the-socket" } as const;
    const { url } = await askJob(server.path, request, ask);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=over-the-socket$/);
    const page = new Page(url, cleanup);
    await page.until(() => page.of("hello").some(({ job }) => job === "waiting"));
    expect((await askJob(server.path, { type: "inspect" }, ask)).url).toBe(url);
  });

  it("says what is wrong with its options, and the job goes on", async () => {
    const { server, handle } = await controlled(cleanup);
    const request = { type: "inspect", port: 70_000 } as const;
    await expect(askJob(server.path, request, ask)).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining("inspect.port"),
    });
    expect(handle.status().state).toBe("RUNNING");
  });
});
