import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";

/**
 * Takes the pictures of the inspector in docs/images: the flights in slow motion, in Chromium. Needs a
 * build, and takes a minute and a half.
 */
const ROOT = join(import.meta.dirname, "../..");
const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
/** Into the run: splits have been read, paused and resumed. */
const SETTLED = 45_000;

if (!existsSync(CHROMIUM)) {
  process.stderr.write(`there is no Chromium at ${CHROMIUM}: set CHROMIUM_PATH\n`);
  process.exit(1);
}
const directory = await mkdtemp(join(tmpdir(), "headwater-pictures-"));
const flights = spawn(
  process.execPath,
  [
    ...["dist/src/cli/main.js", "run", "docs/examples/01-flights.ts", "--inspect", "0"],
    ...["--parallelism", "2", "--checkpoint-interval", "1s", "--no-progress"],
    ...["--checkpoint-dir", directory],
  ],
  { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] },
);
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
try {
  const url = await addressIn(flights.stderr);
  const images = join(ROOT, "docs/images");
  await mkdir(images, { recursive: true });
  const light = await open(url, "light");
  const dark = await open(url, "dark");
  await dark.fill("#find", "operator subtask/0");
  await dark.locator("#tree .row:visible").first().click();
  await dark.fill("#find", "");
  await dark.click("#tab-machine");
  await light.waitForTimeout(SETTLED);
  // Alignment may hold every split for a moment: a picture of that shows no speed.
  await light.waitForFunction(
    "/per second\\s*[1-9]/.test(document.querySelector('header').textContent)",
  );
  await light.screenshot({ path: join(images, "inspector.png") });
  await dark.waitForSelector(".statechart .hot");
  await dark.screenshot({ path: join(images, "inspector-machine.png") });
} finally {
  await browser.close();
  flights.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true });
}

function open(url: string, colorScheme: "light" | "dark"): Promise<Page> {
  return browser
    .newPage({ viewport: { width: 1440, height: 900 }, colorScheme })
    .then(async (page) => {
      await page.goto(url);
      await page.waitForSelector("#tree [data-kind=split]");
      return page;
    });
}

/** What the command line prints. */
function addressIn(output: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    output.on("data", (some) => {
      text += some;
      const [url] = /http:\/\/\S+/.exec(text) ?? [];
      if (url !== undefined) resolve(url);
    });
    output.once("end", () => reject(new Error(`there is no inspector:\n${text}`)));
  });
}
