import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What becomes of one request: passed on, or also not answered, or answered by somebody else. */
export type Fault =
  | "none"
  /** The server has done it, and nobody hears of it. */
  | "lose answer"
  /** Nothing arrives, and nobody says so. */
  | "swallow"
  | { readonly status: number; readonly code: string };

/** Stands between the storage and its server. */
export interface FaultyProxy {
  readonly endpoint: string;
  /** The methods of the requests that came. */
  readonly seen: readonly string[];
  /** Asked about each request, by its method and path. */
  fault: (method: string, path: string) => Fault;
  stop(): Promise<void>;
}

export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(target);
  const seen: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method = "", url = "" } = incoming;
    seen.push(method);
    const fault = proxy.fault(method, url);
    if (fault === "swallow") return;
    if (typeof fault === "object") {
      const { status, code } = fault;
      incoming.resume();
      outgoing.writeHead(status, { "Content-Type": "application/xml" });
      outgoing.end(`<Error><Code>${code}</Code><Message>the ${code} of a test</Message></Error>`);
      return;
    }
    passOn(incoming, outgoing, fault === "lose answer");
  });
  const passOn = (incoming: IncomingMessage, outgoing: ServerResponse, isLost: boolean): void => {
    const { method, url, headers } = incoming;
    const onward = request({ hostname, port, method, path: url, headers }, (answer) => {
      if (isLost) {
        answer.resume().once("end", () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.once("error", () => outgoing.destroy());
    incoming.pipe(onward);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: FaultyProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    fault: () => "none",
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
