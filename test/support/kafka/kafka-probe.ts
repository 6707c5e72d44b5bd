import { connect } from "node:net";

const GROUP = 0;
const TRANSACTION = 1;
const ATTEMPT = 2000;
const PAUSE = 50;

/** Waits until the broker answers ApiVersions: an open port is too early. */
export function untilAnswering(port: number, until: () => boolean): Promise<void> {
  return untilZero(async () => (await request(port, 18, 0, Buffer.alloc(0))).readInt16BE(0), until);
}

/** Waits until the coordinators of groups and transactions work, which makes their topics. */
export async function untilCoordinating(port: number, until: () => boolean): Promise<void> {
  const id = text("warm-up");
  for (const type of [GROUP, TRANSACTION]) {
    const body = Buffer.concat([id, Buffer.from([type])]);
    await untilZero(async () => (await request(port, 10, 1, body)).readInt16BE(4), until);
  }
  const everyTopic = Buffer.from([255, 255, 255, 255]);
  const offsets = Buffer.concat([id, everyTopic]);
  await untilZero(async () => {
    const answer = await request(port, 9, 2, offsets);
    return answer.readInt16BE(answer.length - 2);
  }, until);
  const producer = Buffer.concat([id, Buffer.from([0, 0, 39, 16])]);
  await untilZero(async () => (await request(port, 22, 0, producer)).readInt16BE(4), until);
}

async function untilZero(ask: () => Promise<number>, until: () => boolean): Promise<void> {
  let last: unknown;
  while (!until()) {
    try {
      last = await ask();
      if (last === 0) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  throw new Error(`the broker does not answer: ${String(last)}`);
}

/** Sends one request on a connection of its own and gives the body of the answer. */
function request(port: number, key: number, version: number, body: Buffer): Promise<Buffer> {
  const head = Buffer.alloc(14);
  head.writeInt32BE(10 + body.length, 0);
  head.writeInt16BE(key, 4);
  head.writeInt16BE(version, 6);
  head.writeInt32BE(1, 8);
  head.writeInt16BE(-1, 12);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: ATTEMPT });
    let got = Buffer.alloc(0);
    socket.on("connect", () => socket.write(Buffer.concat([head, body])));
    socket.on("data", (data) => {
      got = Buffer.concat([got, data]);
      if (got.length < 4 || got.length < 4 + got.readInt32BE(0)) return;
      resolve(got.subarray(8));
      socket.destroy();
    });
    socket.on("error", reject);
    socket.on("timeout", () => socket.destroy());
    socket.on("close", () => reject(new Error("the connection ended")));
  });
}

function text(value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeInt16BE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
}
