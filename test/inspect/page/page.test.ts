import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { JobHandle } from "../../../src/runtime/index.js";
import { Cleanup } from "../../control/control-harness.js";
import { inspected } from "../inspect-harness.js";
import { alignedJob } from "./aligned-job.js";
import { PATIENCE, TestBrowser, until, WITHOUT_BROWSER } from "./browser.js";
import { compilePage } from "./compile-page.js";
import { faintTexts } from "./contrast.js";

const cleanup = new Cleanup();
let browser: TestBrowser;
let handle: JobHandle;
let url = "";

beforeAll(async () => {
  if (WITHOUT_BROWSER !== undefined) return;
  await compilePage();
  browser = await TestBrowser.launch();
  cleanup.add(() => browser.close());
  handle = await alignedJob(cleanup);
  ({ url } = await inspected(cleanup, handle, { interval: 250 }));
}, 180_000);

afterEach(async () => {
  if (WITHOUT_BROWSER === undefined) await browser.check();
});
afterAll(() => cleanup.run(), PATIENCE);

/** Chooses the first actor that the words find. */
async function choose(page: Page, words: string): Promise<void> {
  await page.fill("#find", words);
  await until(
    page,
    (): boolean => /^[1-9]/.test(document.querySelector("#found")?.textContent ?? ""),
    {},
  );
  await page.locator("#tree .row:visible").first().click();
  await page.fill("#find", "");
}

const hash = (page: Page) => new URLSearchParams(new URL(page.url()).hash.slice(1));

describe("the inspector's page in Chromium", { timeout: 180_000 }, () => {
  if (WITHOUT_BROWSER !== undefined) {
    it("needs a browser", ({ skip }) => skip(WITHOUT_BROWSER));
    return;
  }

  it("shows every split below its subtask, and each of them paused by alignment and resumed", async () => {
    const page = await browser.open(url);
    await until(page, () => document.querySelectorAll("[data-kind=split]").length >= 8, {});
    const places = await page.$$eval("[role=treeitem]:not([hidden])", (rows) =>
      rows.map((row) => [row.getAttribute("data-kind"), row.getAttribute("aria-level")].join()),
    );
    expect(new Set(places)).toEqual(
      new Set([
        "job,1",
        "checkpoint-coordinator,2",
        "pipeline,2",
        "coordinator,3",
        "subtask,3",
        "operator,4",
        "fetcher-manager,4",
        "fetcher,4",
        "machine,4",
        "split,4",
      ]),
    );
    const mode = (wanted: string) =>
      until(
        page,
        (one: string) =>
          document
            .querySelector(`[data-kind=split][title$="/split-3"] .state[data-mode=${one}]`)
            ?.textContent?.trim(),
        wanted,
      );
    expect(await mode("paused")).toBe("paused");
    expect(await mode("reading")).toBe("reading");
    expect(await mode("paused")).toBe("paused");
  });

  it("draws the chosen actor's machine, marks its state, and lights the transition that it takes", async () => {
    const page = await browser.open(url);
    await choose(page, "operator subtask/0");
    await page.click("#tab-machine");
    const active = (state: string) =>
      until(
        page,
        (one: string) =>
          document.querySelector(`.statechart [data-state="${one}"]`)?.classList.contains("active"),
        state,
      );
    await active("WAITING_FOR_ALIGNMENT");
    await active("READING");
    const lit = await until(
      page,
      () => {
        const hot = document.querySelector(".statechart .hot");
        return hot && [hot.getAttribute("data-source"), hot.getAttribute("data-target")].join(" ");
      },
      {},
    );
    expect(["READING WAITING_FOR_ALIGNMENT", "WAITING_FOR_ALIGNMENT READING"]).toContain(lit);
    await until(
      page,
      () => document.querySelector(".steps")?.textContent?.includes("WatermarkPastLimit"),
      {},
    );
    expect(await page.textContent(".statechart title")).toMatch(/^operator is in /);
  });

  it("shows events of the chosen actors and types only, and holds still", async () => {
    const page = await browser.open(url);
    await page.click("#tab-mailbox");
    await until(page, () => document.querySelectorAll(".message").length > 20, {});
    await choose(page, "checkpoint-coordinator");
    await page.click("#to-mailbox");
    await handle.checkpoint();
    await until(
      page,
      () => {
        const labels = [...document.querySelectorAll(".message")].map((one) => one.ariaLabel ?? "");
        return labels.length > 2 && labels.every((one) => one.includes("checkpoint-coordinator"));
      },
      {},
    );
    await page.fill('[aria-label^="Only events"]', "acknowledged");
    await until(
      page,
      () => {
        const events = [...document.querySelectorAll(".message .event")];
        return (
          events.length > 0 && events.every((one) => one.textContent?.includes("Acknowledged"))
        );
      },
      {},
    );
    await page.locator("#mailbox button", { hasText: "Hold" }).click();
    const held = await page.locator(".sequence").innerHTML();
    const before = await checkpoints(page);
    await handle.checkpoint();
    await until(page, moreCheckpoints, before);
    expect(await page.locator(".sequence").innerHTML()).toBe(held);
    await page.locator("#mailbox button", { hasText: "Go on" }).click();
    await until(
      page,
      (were: number) => document.querySelectorAll(".message").length > were,
      held.split('class="message"').length - 1,
    );
    // From event to event by keys, with what is in it.
    await page.focus(".sequence");
    await page.keyboard.press("End");
    expect(JSON.parse((await page.textContent(".payload")) ?? "")).toMatchObject({
      outcome: "delivered",
      payload: { type: expect.stringContaining("Acknowledged") },
    });
  });

  it("lists checkpoints as they complete", async () => {
    const page = await browser.open(url);
    await page.click("#tab-checkpoints");
    const { checkpointId } = await handle.checkpoint();
    const cells = await until(
      page,
      (id: number) => {
        const [row] = [...document.querySelectorAll("#checkpoints tbody tr")].filter(
          (one) => one.firstElementChild?.textContent === `#${id}`,
        );
        const texts = row && [...row.children].map((cell) => cell.textContent ?? "");
        return texts?.[3]?.endsWith("s") === true && texts;
      },
      checkpointId,
    );
    expect(cells).toMatchObject({ 1: "checkpoint" });
  });

  it("is used by keys alone", async () => {
    const page = await browser.open(url);
    await until(page, () => document.querySelectorAll("[data-kind=split]").length >= 8, {});
    const focused = () => page.evaluate(() => document.activeElement?.id);
    const active = () =>
      page.evaluate(() => {
        const id = document.querySelector("#tree")?.getAttribute("aria-activedescendant");
        const row = document.getElementById(id ?? "");
        return `${row?.dataset.kind} ${row?.getAttribute("aria-expanded")} ${row?.getAttribute("aria-selected")}`;
      });
    for (let i = 0; i < 10 && (await focused()) !== "tree"; i++) await page.keyboard.press("Tab");
    expect(await focused()).toBe("tree");
    expect(await active()).toBe("job true true");
    await page.keyboard.press("ArrowLeft");
    expect(await active()).toBe("job false true");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    expect(await active()).toBe("checkpoint-coordinator null true");
    await page.keyboard.press("ArrowDown");
    expect(await active()).toBe("pipeline true true");
    await page.keyboard.press("End");
    expect(await active()).toBe("split null true");
    await page.keyboard.press("ArrowLeft");
    expect(await active()).toBe("subtask true true");
    for (let i = 0; i < 10 && (await focused()) !== "tab-overview"; i++) {
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("ArrowRight");
    expect(await focused()).toBe("tab-machine");
    expect(await page.getAttribute("#tab-machine", "aria-selected")).toBe("true");
    expect(await page.isVisible("#machine")).toBe(true);
    await page.focus("#find");
    await page.keyboard.type("coordinator checkpoint");
    expect(await page.textContent("#found")).toBe("1 actor found");
    await page.keyboard.press("ArrowDown");
    expect(await focused()).toBe("tree");
    await page.keyboard.press("ArrowDown");
    expect(await active()).toBe("checkpoint-coordinator null true");
  });

  it("shows the same view and actor after a reload", async () => {
    const page = await browser.open(url);
    await choose(page, "split-5");
    await page.click("#tab-machine");
    const before = hash(page);
    expect(before.get("actor")).toMatch(/\/split\/split-5$/);
    await page.reload();
    await until(page, () => document.querySelector("#machine h2")?.textContent === "split-5", {});
    expect(hash(page).toString()).toBe(before.toString());
    expect(await page.getAttribute("#tree [aria-selected=true]", "title")).toBe(
      before.get("actor"),
    );
  });

  it.each(["light", "dark"] as const)(
    "has text that can be read, with roles and names, in %s",
    async (theme) => {
      const page = await browser.open(url, { theme });
      await choose(page, "operator subtask/0");
      const surface = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      expect(surface).toBe(theme === "light" ? "rgb(255, 255, 255)" : "rgb(20, 23, 27)");
      for (const tab of ["overview", "machine", "mailbox", "checkpoints"]) {
        await page.click(`#tab-${tab}`);
        if (tab === "machine") await page.waitForSelector(".statechart .state.active");
        if (tab === "mailbox") await page.waitForSelector(".message");
        const { count, faint } = await faintTexts(page);
        expect(count).toBeGreaterThan(20);
        expect(faint).toEqual([]);
        expect(await nameless(page), tab).toEqual([]);
      }
      await page.click("#theme");
      const other = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      expect(other).not.toBe(surface);
      await page.reload();
      expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(
        other,
      );
    },
  );

  it.each([
    [1024, 700],
    [390, 844],
  ])("fits into %i by %i", async (width, height) => {
    const page = await browser.open(url, { width, height });
    await until(page, () => document.querySelectorAll("[data-kind=split]").length > 0, {});
    for (const tab of ["overview", "machine", "mailbox", "checkpoints"]) {
      await page.click(`#tab-${tab}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide, tab).toBeLessThanOrEqual(width);
    }
  });
});

const checkpoints = (page: Page) =>
  page.evaluate(() => Number(document.querySelector("#headline div:last-child dd")?.textContent));

const moreCheckpoints = (were: number) =>
  Number(document.querySelector("#headline div:last-child dd")?.textContent) > were;

/** Controls without a name, focusable parts without a role, and graphics that say nothing. */
function nameless(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const wrong: string[] = [];
    const nameOf = (node: Element): string => {
      const labelled = node.getAttribute("aria-labelledby");
      const label = labelled === null ? null : document.getElementById(labelled);
      return (
        node.getAttribute("aria-label") ??
        label?.textContent ??
        node.closest("label")?.textContent ??
        node.textContent ??
        ""
      ).trim();
    };
    for (const node of document.querySelectorAll(
      "button, input, select, [tabindex], [role], canvas",
    )) {
      if (!(node as HTMLElement).checkVisibility()) continue;
      const role = node.getAttribute("role");
      const isControl = ["BUTTON", "INPUT", "SELECT"].includes(node.tagName);
      if (node.hasAttribute("tabindex") && !isControl && role === null) {
        wrong.push(`${node.className}: no role`);
      }
      if (node.getAttribute("aria-hidden") === "true" || role === "presentation") continue;
      if (role === "status" || role === "alert") continue;
      if (nameOf(node) === "") wrong.push(`${node.tagName}.${node.className}: no name`);
    }
    return wrong;
  });
}
