import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import example, { feedSource } from "../../../docs/examples/05-connector-in-an-hour.js";
import { testSource } from "../../../src/testing/index.js";

/** Entries that one answer has at most. */
const PAGE = 4;

/** A web server with feeds. */
async function feedServer({ splits, records }: { splits: number; records: number }) {
  const feeds = Array.from({ length: splits }, (_, feed) =>
    Array.from({ length: records }, (_, i) => `entry ${i} of feed ${feed}`),
  );
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    const feed = feeds[Number(/^\/feeds\/feed-(\d+)$/.exec(pathname)?.[1])];
    const from = Number(searchParams.get("from"));
    const answer =
      feed === undefined
        ? feeds.map((_, i) => `feed-${i}`)
        : { entries: feed.slice(from, from + PAGE), isLast: from + PAGE >= feed.length };
    response.setHeader("connection", "close").end(JSON.stringify(answer));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    expected: () => feeds.flat(),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

testSource("the connector of the example", {
  externalSystem: { create: feedServer },
  source: ({ url }) => feedSource(url),
});

describe("the example of a connector", () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  it("prints every entry of every feed", async () => {
    const server = await feedServer({ splits: 2, records: 6 });
    const printed: string[] = [];
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      printed.push(...String(text).split("\n").filter(Boolean));
      return true;
    });
    vi.stubEnv("FEEDS", server.url);
    const handle = await example.run();
    await handle.done;
    await server.close();
    expect(printed.sort()).toEqual([...server.expected()].sort());
  });
});
