import { request } from "node:http";
import { connect, createServer } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { attachInspector } from "../../src/inspect/index.js";
import { Cleanup } from "../control/control-harness.js";
import { inspected, Page, twoSources } from "./inspect-harness.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const PATIENT = { timeout: 30_000, interval: 20 };

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** As no browser would let a page ask: with any Host, and any path. */
function ask(
  url: string,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, headers, method, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (some: string) => {
        text += some;
      });
      response.on("end", () => {
        resolve({ status: response.statusCode, headers: response.headers, text });
      });
    });
    asked.on("error", reject).end();
  });
}

describe("the inspector's server", { timeout: 60_000 }, () => {
  it("serves the page and what it needs, under a policy that lets nothing in from elsewhere", async () => {
    const { handle } = await twoSources(cleanup);
    const { url } = await inspected(cleanup, handle);
    expect(new URL(url).hostname).toBe("127.0.0.1");
    const page = await ask(url, "/");
    expect(page).toMatchObject({
      status: 200,
      headers: { "content-type": "text/html; charset=utf-8" },
    });
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:/);
    for (const path of [
      "/page.css",
      "/vendor/xstate/xstate.esm.js",
      "/vendor/elkjs/elk.bundled.js",
    ]) {
      expect(await ask(url, path), path).toMatchObject({ status: 200 });
    }
    // What the modules of xstate import themselves.
    const { text } = await ask(url, "/vendor/xstate/xstate.esm.js");
    for (const [, name] of text.matchAll(/from\s*['"]\.\/([^'"]+\.js)['"]/g)) {
      expect(await ask(url, `/vendor/xstate/${name}`), name).toMatchObject({ status: 200 });
    }
  });

  it.each([
    "/../package.json",
    "/inspect/../../../package.json",
    "/inspect/page/..%2f..%2findex.js",
    "/inspect/attach-inspector.js",
    "/vendor/xstate/../package.json",
    "/vendor/xstate/xstate.cjs.js",
    "/etc/passwd",
    "/%",
  ])("has nothing at %s", async (path) => {
    const { handle } = await twoSources(cleanup);
    const { url } = await inspected(cleanup, handle);
    expect((await ask(url, path)).status).toBe(404);
  });

  it("answers nobody who names another host, another site's page, or another method", async () => {
    const { handle } = await twoSources(cleanup);
    const { url } = await inspected(cleanup, handle);
    const { host } = new URL(url);
    expect((await ask(url, "/", { Host: "evil.example" })).status).toBe(403);
    expect((await ask(url, "/", { Host: "127.0.0.1.evil.example" })).status).toBe(403);
    expect((await ask(url, "/", { Origin: "https://evil.example" })).status).toBe(403);
    expect((await ask(url, "/", { Origin: `http://${host}` })).status).toBe(200);
    expect((await ask(url, "/", {}, "POST")).status).toBe(405);
    for (const headers of [{ Host: "evil.example" }, { Origin: "http://evil.example" }]) {
      expect(await new Page(url, cleanup, headers).closed).toBe(1006);
    }
    const own = new Page(url, cleanup, { Origin: `http://${host}` });
    await own.until(() => own.messages.length > 0);
  });

  it("lets nobody in without the token, to the page and to its data", async () => {
    const { handle } = await twoSources(cleanup);
    const { url, statelyUrl } = await inspected(cleanup, handle, { token: "let-me-in-1" });
    expect(url).toContain("?token=let-me-in-1");
    expect(statelyUrl).toContain("?token=let-me-in-1");
    for (const query of ["", "?token=", "?token=let-me-in-2"]) {
      expect((await ask(url, `/${query}`)).status).toBe(401);
      const wrong = new Page(`${new URL(url).origin}/${query}`, cleanup);
      expect(await wrong.closed).toBe(1006);
    }
    expect((await ask(url, "/?token=let-me-in-1")).status).toBe(200);
    const page = new Page(url, cleanup);
    await page.until(() => page.messages.length > 0);
  });

  it.each([
    [{ host: "0.0.0.0" }, "inspect.host"],
    [{ port: 70_000 }, "inspect.port"],
    [{ token: "short" }, "inspect.token"],
    [{ interval: 1 }, "inspect.interval"],
    [{ prot: 1 }, "inspect.prot"],
  ])("refuses the options %j", async (options, path) => {
    await expect(twoSources(cleanup, { inspect: options as never })).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(path),
    });
  });

  it("takes the next port when none was given; one that was given and is in use is told, and the job runs", async () => {
    const first = await twoSources(cleanup);
    const { url } = await attachInspector(first.handle, { announce: () => {} });
    const { port } = new URL(url);
    const said: string[] = [];
    const announce = (message: string): number => said.push(message);
    const second = await twoSources(cleanup, { inspect: { port: Number(port), announce } });
    expect(said).toEqual([
      expect.stringContaining(`cannot listen on port ${port} of 127.0.0.1: in use`),
    ]);
    await vi.waitFor(() => expect(second.handle.status().state).toBe("RUNNING"), PATIENT);
    const other = await attachInspector(second.handle, { announce: () => {} });
    expect(new URL(other.url).port).not.toBe(port);
  });

  it("is one for each job, which a second call gets too", async () => {
    const { handle } = await twoSources(cleanup);
    const first = await inspected(cleanup, handle);
    expect(await attachInspector(handle, { token: "another-one" })).toBe(first);
    await first.close();
    const next = await inspected(cleanup, handle);
    expect(next).not.toBe(first);
  });

  it("takes 16 pages, and one more when one has gone", async () => {
    const { handle } = await twoSources(cleanup);
    const { url } = await inspected(cleanup, handle);
    const pages = Array.from({ length: 16 }, () => new Page(url, cleanup));
    for (const page of pages) await page.until(() => page.messages.length > 0);
    expect(await new Page(url, cleanup).closed).toBe(1006);
    pages[0]?.socket.terminate();
    await vi.waitFor(async () => {
      const page = new Page(url, cleanup);
      await page.until(() => page.messages.length > 0);
    }, PATIENT);
  });

  it("closes with the job even where a page does not read", async () => {
    const { handle } = await twoSources(cleanup);
    const { url } = await inspected(cleanup, handle);
    const page = new Page(url, cleanup);
    await page.until(() => page.messages.length > 0);
    page.socket.pause();
    await handle.cancel();
    await vi.waitFor(async () => expect(ask(url, "/")).rejects.toThrow(), PATIENT);
  });

  it("lets nobody in who connected before it closed", async () => {
    const { handle } = await twoSources(cleanup);
    const inspector = await inspected(cleanup, handle);
    const { host, hostname, port } = new URL(inspector.url);
    const socket = connect(Number(port), hostname);
    cleanup.add(() => socket.destroy());
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    // The server has taken it when it has answered one that came later.
    await ask(inspector.url, "/");
    let answer = "";
    socket.setEncoding("utf8").on("data", (some: string) => {
      answer += some;
    });
    const ended = new Promise((resolve) => socket.once("close", resolve));
    const closed = inspector.close();
    socket.write(
      `GET /live HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    await Promise.all([ended, closed]);
    expect(answer).toMatch(/^HTTP\/1.1 503 /);
  });

  it("refuses what is no job's handle", async () => {
    await expect(attachInspector({} as never)).rejects.toMatchObject({ code: "ILLEGAL_ARGUMENT" });
  });

  it("does not stand in the way of a port of the user's own", async () => {
    const { handle } = await twoSources(cleanup);
    const inspector = await inspected(cleanup, handle);
    const { port } = new URL(inspector.url);
    await inspector.close();
    const server = createServer();
    cleanup.add(() => server.close());
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(Number(port), "127.0.0.1", resolve);
    });
  });
});
