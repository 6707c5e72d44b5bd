import { renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { startKafka } from "./kafka-broker.js";
import { KEEPER_ADDRESS } from "./keeper-address.js";

// The process that has the shared broker: it ends when nobody has held a connection for a while.
const IDLE = 8000;

const starting = startKafka().then(
  ({ bootstrap, saslBootstrap }) => ({ bootstrap, saslBootstrap }),
  (error: unknown) => ({ error: String(error) }),
);
let holders = 0;
let idle: NodeJS.Timeout;

function watch(): void {
  clearTimeout(idle);
  if (holders === 0) idle = setTimeout(end, IDLE);
}

function end(): void {
  rmSync(KEEPER_ADDRESS, { force: true });
  // The broker's guard sees this process end, kills the broker and removes its data.
  process.exit(0);
}

const server = createServer((socket) => {
  holders++;
  watch();
  socket.on("error", () => {});
  socket.on("close", () => {
    holders--;
    watch();
  });
  void starting.then((answer) => socket.write(`${JSON.stringify(answer)}\n`));
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address !== "object" || address === null) return end();
  const half = `${KEEPER_ADDRESS}.${process.pid}`;
  writeFileSync(half, String(address.port));
  renameSync(half, KEEPER_ADDRESS);
  watch();
});
