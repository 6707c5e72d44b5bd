import { RealClock } from "../../mailbox/index.js";
import { type InspectorOptions, parseInspectorOptions } from "../inspector-options.js";
import { packageVersion } from "../package-version.js";
import { InspectorServer } from "../server/inspector-server.js";
import type { Replay } from "./replay.js";
import { ReplayFeed } from "./replay-feed.js";

/** A replay that pages look at. */
export interface ServedReplay {
  /** The page's address, with the token if there is one. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the inspector's page for a replay on the loopback interface. Throws OPTION_INVALID, and
 * CONNECTION_FAILED when the port is in use.
 */
export async function serveReplay(
  replay: Replay,
  options: Pick<InspectorOptions, "port" | "host" | "token"> = {},
): Promise<ServedReplay> {
  const { port, host, token } = parseInspectorOptions(options);
  const clock = new RealClock();
  const live = new ReplayFeed(replay, clock, packageVersion());
  const server = await InspectorServer.open({ port, host, token, clock, live });
  return {
    url: server.url,
    close: async () => {
      live.close();
      await server.close();
    },
  };
}
