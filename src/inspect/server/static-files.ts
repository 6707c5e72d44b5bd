import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { IMPORT_MAP, pageCss, pageHtml } from "../page/shell.js";

/** What is sent for a path. */
export interface StaticFile {
  readonly type: string;
  readonly body: string | Buffer;
}

const require = createRequire(import.meta.url);
const HTML = "text/html; charset=utf-8";
const CSS = "text/css; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";

/** Modules of the page, and what they share with the server. */
const OWN = /^\/inspect\/((?:page|statechart)\/(?:[a-z0-9-]+\/)*[a-z0-9-]+\.js|protocol\.js)$/;
const XSTATE = /^\/vendor\/xstate\/([\w-]+(?:\.development)?\.esm\.js)$/;
const ELK = "/vendor/elkjs/elk.bundled.js";

/** Nothing from elsewhere, nothing inline but the import map, and no other page may frame this one. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": [
    "default-src 'none'",
    `script-src 'self' 'sha256-${createHash("sha256").update(IMPORT_MAP).digest("base64")}'`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
};

/** The file for a path; undefined: there is none. Nothing outside the lists above is ever read. */
export async function staticFile(path: string): Promise<StaticFile | undefined> {
  if (path === "/") return { type: HTML, body: pageHtml() };
  if (path === "/page.css") return { type: CSS, body: pageCss() };
  const file = fileOf(path);
  if (file === undefined) return undefined;
  const body = await readFile(file).catch(() => undefined);
  return body === undefined ? undefined : { type: SCRIPT, body };
}

function fileOf(path: string): string | undefined {
  const own = OWN.exec(path)?.[1];
  // Compiled, wherever this module runs from: browsers take no TypeScript.
  if (own !== undefined) return join(packageFolder("headwater"), "dist/src/inspect", own);
  const xstate = XSTATE.exec(path)?.[1];
  if (xstate !== undefined) return join(packageFolder("xstate"), "dist", xstate);
  return path === ELK ? join(packageFolder("elkjs"), "lib/elk.bundled.js") : undefined;
}

function packageFolder(name: string): string {
  return dirname(require.resolve(`${name}/package.json`));
}
