import { WebSocket } from "ws";
import { monotonousTimestamps, numberSequenceSource } from "../../../src/index.js";
import { attachInspector } from "../../../src/inspect/index.js";
import { type Benchmark, type Contestant, times } from "../benchmark.js";
import { timedJob } from "../jobs/timed-job.js";

const COUNT = 200_000_000;

/** The number sequence; `page`: with a client that takes what a page takes, as its first view does. */
const numbers =
  (inspect: "off" | "attached" | "page"): Contestant =>
  async (scale) => {
    let socket: WebSocket | undefined;
    const measured = await timedJob(
      numberSequenceSource({ from: 1, to: COUNT * scale }),
      monotonousTimestamps<number>().withTimestampAssigner((x) => x),
      (x) => x + 1,
      {
        started: async (handle) => {
          if (inspect === "off") return;
          const { url } = await attachInspector(handle, { port: 0, announce: () => {} });
          if (inspect === "page") socket = new WebSocket(`${url.replace("http", "ws")}live`);
          socket?.on("error", () => {});
        },
      },
    );
    socket?.terminate();
    return measured;
  };

export const inspector: Benchmark = {
  work: "number sequence, looked at",
  contestants: { off: numbers("off"), attached: numbers("attached"), page: numbers("page") },
  goals: [
    times("time with an inspector and no page", "attached", "off", { atMost: 1.01 }),
    times("time with the page open", "page", "off", { atMost: 1.05 }),
  ],
};
