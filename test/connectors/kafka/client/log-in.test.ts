import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { useClients } from "./kafka-fixtures.js";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
});
// Behind the servers: its clients are closed before them.
const clients = useClients();

/** A server for `talk`; where it listens. */
async function listening(talk: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    talk(socket);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Every request up to number 39 in versions 0 to 11. */
function anyVersion(): Buffer {
  const ranges = Array.from({ length: 40 }, (_, key) => [key, 0, 11]).flat();
  const body = Buffer.alloc(6 + ranges.length * 2);
  body.writeInt32BE(40, 2);
  for (const [i, value] of ranges.entries()) body.writeInt16BE(value, 6 + i * 2);
  return body;
}

const HANDSHAKE = Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1, 0, 5]), Buffer.from("PLAIN")]);
/** No throttling, no brokers, no cluster id, no controller, no topics. */
const NO_TOPICS = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);

/** Lets everybody in for so many milliseconds. */
function loggedIn(lifetime: number): Buffer {
  const body = Buffer.alloc(16);
  body.writeInt16BE(-1, 2);
  body.writeBigInt64BE(BigInt(lifetime), 8);
  return body;
}

/** A broker with log-ins of this length, which knows no topics. */
function brokerFor(lifetime: number): Promise<string> {
  const answers = new Map([
    [18, anyVersion()],
    [17, HANDSHAKE],
    [36, loggedIn(lifetime)],
    [3, NO_TOPICS],
  ]);
  return listening((socket) => {
    let read = Buffer.alloc(0);
    socket.on("data", (bytes: Buffer) => {
      read = Buffer.concat([read, bytes]);
      while (read.length >= 4 && read.length >= 4 + read.readInt32BE(0)) {
        const body = answers.get(read.readInt16BE(4)) as Buffer;
        const size = Buffer.alloc(4);
        size.writeInt32BE(4 + body.length);
        socket.write(Buffer.concat([size, read.subarray(8, 12), body]));
        read = read.subarray(4 + read.readInt32BE(0));
      }
    });
  });
}

describe("a session that the broker ends", () => {
  it.each([0, 43_217, 66_659, 3_600_001])("may have %i milliseconds", async (lifetime) => {
    const client = await clients({
      brokers: await brokerFor(lifetime),
      sasl: { mechanism: "plain", username: "u", password: "p" },
      retry: { retries: 0 },
    });
    expect(await client.listTopics()).toEqual([]);
    expect(await client.listTopics()).toEqual([]);
  });
});

describe("a certificate of this client that the other side does not trust", () => {
  // Java's brokers answer with the first, what is built on OpenSSL with the second.
  it.each([46, 48])("is not shown again and again, with the alert %i", async (alert) => {
    const brokers = await listening((socket) => {
      socket.resume().end(Buffer.from([0x15, 3, 3, 0, 2, 2, alert]));
    });
    const client = await clients({ brokers, ssl: true, retry: { retries: 0 } });
    const error = await client.listTopics().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "CONNECTION_FAILED", retry: "never" });
    expect(String(error)).toContain("does not trust the certificate of this client");
  });
});
