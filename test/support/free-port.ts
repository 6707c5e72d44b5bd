import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below what the system gives to outgoing connections, which would take it before it is used. */
const [FIRST, LAST] = [20_000, 32_000];
const TRIES = 100;
/** Those that this process was given: one that is not yet listened on is not free any more. */
const given = new Set<number>();

/** A port of the loopback interface that nobody listens on. */
export async function freePort(): Promise<number> {
  for (let tried = 1; ; tried++) {
    const port = randomInt(FIRST, LAST);
    if (given.has(port)) continue;
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
      await new Promise((resolve) => server.close(resolve));
      given.add(port);
      return port;
    } catch (error) {
      if (tried === TRIES) throw error;
    }
  }
}
