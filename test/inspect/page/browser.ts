import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

/** Debian's package, unless CHROMIUM_PATH says another. */
const PATH = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/** Why tests in a browser are left out; undefined: they are not. */
export const WITHOUT_BROWSER = existsSync(PATH)
  ? undefined
  : `skipped: there is no Chromium at ${PATH}; install it or set CHROMIUM_PATH`;

/** Long enough for a busy machine. */
export const PATIENCE = 60_000;

/** A running Chromium whose pages tell what went wrong in them. */
export class TestBrowser {
  /** Addresses that are not of this machine. */
  readonly foreign: string[] = [];
  readonly errors: string[] = [];
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<TestBrowser> {
    const args = ["--no-sandbox", "--disable-dev-shm-usage"];
    return new TestBrowser(
      await chromium.launch({ executablePath: PATH, args, timeout: PATIENCE }),
    );
  }

  /** A page in a profile of its own. */
  async open(
    url: string,
    {
      theme = "light",
      width = 1440,
      height = 900,
    }: { theme?: "light" | "dark"; width?: number; height?: number } = {},
  ): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
    });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
    page.on("pageerror", (error) => this.errors.push(error.message));
    const note = (address: string): void => {
      const { protocol, hostname } = new URL(address);
      if (protocol !== "data:" && hostname !== "127.0.0.1") this.foreign.push(address);
    };
    page.on("request", (request) => note(request.url()));
    page.on("websocket", (socket) => note(socket.url()));
    await page.goto(url);
    return page;
  }

  /** Closes all pages; fails when one of them had an error or asked for something from elsewhere. */
  async check({ mayFail = /^$/ }: { mayFail?: RegExp } = {}): Promise<void> {
    const errors = this.errors.splice(0).filter((error) => !mayFail.test(error));
    for (const context of this.#browser.contexts()) await context.close();
    expect(errors).toEqual([]);
    expect(this.foreign).toEqual([]);
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** Resolves when the function, run in the page, gives something true; with what it gave. */
export async function until<T, A>(
  page: Page,
  look: (argument: A) => T,
  argument: A,
): Promise<NonNullable<T>> {
  const handle = await page.waitForFunction(look as never, argument, {
    timeout: PATIENCE,
    polling: "raf",
  });
  return (await handle.jsonValue()) as NonNullable<T>;
}
