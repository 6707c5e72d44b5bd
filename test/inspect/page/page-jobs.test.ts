import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { defineJob, numberSequenceSource } from "../../../src/index.js";
import { serveReplay } from "../../../src/inspect/replay/index.js";
import { Cleanup, waitingJob } from "../../control/control-harness.js";
import { inspected } from "../inspect-harness.js";
import { recordedJob, replayOf } from "../replay/recorded-job.js";
import { alignedJob } from "./aligned-job.js";
import { PATIENCE, TestBrowser, until, WITHOUT_BROWSER } from "./browser.js";
import { compilePage } from "./compile-page.js";

const cleanup = new Cleanup();
const browserCleanup = new Cleanup();
let browser: TestBrowser;

beforeAll(async () => {
  if (WITHOUT_BROWSER !== undefined) return;
  await compilePage();
  browser = await TestBrowser.launch();
  browserCleanup.add(() => browser.close());
}, 180_000);

afterEach(async () => {
  try {
    if (WITHOUT_BROWSER === undefined) await browser.check();
  } finally {
    await cleanup.run();
  }
}, PATIENCE);
afterAll(() => browserCleanup.run(), PATIENCE);

const says = (page: Page, selector: string, text: string) =>
  until(
    page,
    ([where, what]: readonly [string, string]) =>
      document.querySelector(where)?.textContent?.includes(what),
    [selector, text] as const,
  );

describe("the inspector's page and unusual jobs", { timeout: 180_000 }, () => {
  if (WITHOUT_BROWSER !== undefined) {
    it("needs a browser", ({ skip }) => skip(WITHOUT_BROWSER));
    return;
  }

  it("shows hostile names as text, everywhere", async () => {
    const evil = '<img src=x onerror="document.title=1">';
    const handle = await alignedJob(cleanup, {
      name: `job ${evil}`,
      id: `pipeline ${evil}`,
      idOf: (split) => `${evil} ${split}`,
    });
    const page = await browser.open((await inspected(cleanup, handle)).url);
    await says(page, "#tree", `${evil} 7`);
    expect(await page.textContent("#job")).toBe(`job ${evil}`);
    await page.locator("button", { hasText: "As a table" }).click();
    await says(page, ".lane-table", `${evil} 7`);
    await page.fill("#find", "7");
    await page.locator("[data-kind=split]:visible").first().click();
    for (const tab of ["machine", "mailbox", "checkpoints", "overview"]) {
      await page.click(`#tab-${tab}`);
      if (tab === "machine") await says(page, "#machine h2", `${evil} 7`);
      if (tab === "mailbox") await page.waitForSelector(".message");
    }
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.title()).toContain(evil);
  });

  it("steps through a replay, on and back, by its buttons and by a search", async () => {
    const replay = replayOf(cleanup, await recordedJob(cleanup));
    const { url, close } = await serveReplay(replay, { port: 0 });
    cleanup.add(close);
    const page = await browser.open(url);
    const where = ".replay [role=status]";
    await says(page, where, `0 of ${replay.size.toLocaleString("en")}`);
    for (let i = 0; i < 3; i++) await page.click("[aria-label='One line on']");
    await says(page, where, "3 of ");
    await says(page, ".replay-line", "StartJob");
    await says(page, "#tree", "CREATED");
    await page.click("[aria-label='One line back']");
    await says(page, where, "2 of ");
    await page.fill(".replay [type=search]", "SubtaskStarted");
    await page.press(".replay [type=search]", "Enter");
    await says(page, ".replay-line", "SubtaskStarted");
    await page.click("#tab-mailbox");
    await page.click("[aria-label='To the end']");
    await says(page, "#tree", "FINISHED");
    await page.waitForSelector(".message");
    await page.click("[aria-label='To the beginning']");
    await says(page, ".replay-line", "The beginning");
    await page.waitForSelector(".message", { state: "detached" });
  });

  it("says that the server is gone, and is live again when it comes back", async () => {
    const handle = await waitingJob(cleanup);
    const first = await inspected(cleanup, handle);
    const page = await browser.open(first.url);
    await says(page, "#connection", "live");
    await says(page, "#tree", "subtask 0");
    await first.close();
    await says(page, "#connection", "no connection");
    expect(await page.textContent("#tree")).toContain("subtask 0");
    await inspected(cleanup, handle, { port: Number(new URL(first.url).port) });
    await says(page, "#connection", "live");
    await says(page, "#tree", "subtask 0");
    await browser.check({ mayFail: /ERR_CONNECTION_REFUSED|WebSocket connection/ });
  });

  it("says what went wrong first in a job that has failed, also to who comes later", async () => {
    const job = defineJob("failing", (env) => {
      env.fromSource(numberSequenceSource({ from: 1, to: 10 })).sinkTo({
        name: "full",
        createWriter: () => ({
          write() {
            throw new Error("cannot write", { cause: new Error("the disk is full") });
          },
        }),
      });
    });
    const handle = await job.run({ inspect: false });
    const { url } = await inspected(cleanup, handle, { stays: true });
    await expect(handle.done).rejects.toThrow();
    const page = await browser.open(url);
    await says(page, "#job-state", "FAILED");
    await says(page, "#connection", "the job has ended");
    expect(await page.textContent(".error .root-cause")).toBe("the disk is full");
    expect(await page.textContent(".error")).toContain("cannot write");
    // What has run is still there to be looked at.
    await says(page, "#tree", "operator");
  });

  it("stays readable with 200 splits", async () => {
    const handle = await alignedJob(cleanup, { splits: 200, batch: 80 });
    const page = await browser.open((await inspected(cleanup, handle)).url);
    await says(page, "#headline", "200,");
    // Closed until somebody opens it.
    await says(page, "#tree", "104 below");
    await page.locator("[data-kind=subtask] .caret").first().click();
    await says(page, "#tree", "split-2");
    const heights = await page.$$eval("#tree .row:not([hidden])", (rows) =>
      rows.map((row) => [row.getBoundingClientRect().height, row.scrollWidth <= row.clientWidth]),
    );
    for (const height of heights) expect(height).toEqual([26, true]);
    await says(page, "#overview .panel-head + .legend, #overview", "202 lanes");
    // The last lane can be reached.
    const reached = await page.$eval(".lanes", (lanes) => {
      lanes.scrollTop = 1e6;
      return lanes.scrollTop + lanes.clientHeight;
    });
    expect(reached).toBeGreaterThanOrEqual(202 * 18);
    await page.fill("#find", "split paused");
    await says(page, "#found", "actors found");
  });

  it("stays responsive with 10,000 splits, and the job goes on", async () => {
    const handle = await alignedJob(cleanup, {
      splits: 10_000,
      parallelism: 40,
      pace: 50_000,
      batch: 80,
    });
    const page = await browser.open((await inspected(cleanup, handle)).url);
    await until(
      page,
      () => {
        const [, splits] =
          /([\d,]+), \d+ paused/.exec(document.querySelector("#headline")?.textContent ?? "") ?? [];
        return splits?.endsWith("10,000");
      },
      {},
    );
    await says(page, "#overview", "10,040 lanes");
    const records = () =>
      page.evaluate(() =>
        Number(document.querySelector("#headline dd")?.textContent?.replaceAll(",", "")),
      );
    const before = await records();
    await page.fill("#find", "split-9999");
    await says(page, "#found", "1 actor found");
    await page.locator("[data-kind=split]:visible").first().click();
    await page.fill("#find", "");
    await until(
      page,
      () =>
        document
          .querySelector("#tree [aria-selected=true]")
          ?.getAttribute("title")
          ?.endsWith("split-9999"),
      {},
    );
    await page.focus("#tree");
    await page.keyboard.press("End");
    expect(await page.locator("#tree .row").count()).toBeLessThanOrEqual(120);
    expect(await page.locator("*").count()).toBeLessThanOrEqual(1500);
    for (const tab of ["machine", "mailbox", "checkpoints", "overview"]) {
      await page.click(`#tab-${tab}`);
      expect(await page.isVisible(`#${tab}`)).toBe(true);
    }
    await until(
      page,
      (were: number) =>
        Number(document.querySelector("#headline dd")?.textContent?.replaceAll(",", "")) > were,
      before,
    );
    expect(handle.status().state).toBe("RUNNING");
  });
});
