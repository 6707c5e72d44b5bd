import type { Sink, SinkWriter } from "../../../src/api/sink.js";
import type { Faults } from "../../support/faulty-source.js";

/** Where a sink made faulty asks its faults; behind "answer lost" the work has been done. */
export const SINK_PLACES = [
  "Sink.createWriter",
  "SinkWriter.write",
  "SinkWriter.write, answer lost",
  "SinkWriter.flush",
  "SinkWriter.flush, answer lost",
  "SinkWriter.prepareCommit",
  "SinkWriter.prepareCommit, answer lost",
  "SinkWriter.close, answer lost",
  "SinkCommitter.create",
  "Committer.commit",
  "Committer.commit, half done",
  "Committer.commit, answer lost",
] as const;

/** A real sink with a committer that fails wherever the faults say. */
export function faultySink<T>(sink: Sink<T>, faults: Faults): Sink<T> {
  const { committer, writerStateSerializer } = sink;
  if (committer === undefined || writerStateSerializer === undefined) {
    throw new Error("a sink with a committer is needed");
  }
  const around = async <R>(place: string, call: () => R | Promise<R>): Promise<R> => {
    faults.check(place);
    const result = await call();
    faults.check(`${place}, answer lost`);
    return result;
  };
  return {
    name: sink.name,
    writerStateSerializer,
    async createWriter(context, restored) {
      faults.check("Sink.createWriter");
      const writer = await sink.createWriter(context, restored);
      const faulty: SinkWriter<T> = {
        write: (records, timestamps) =>
          around("SinkWriter.write", () => writer.write(records, timestamps)),
        flush: (end) => around("SinkWriter.flush", () => writer.flush?.(end)),
        prepareCommit: () =>
          around("SinkWriter.prepareCommit", async () => (await writer.prepareCommit?.()) ?? []),
        snapshotState: (checkpointId) => writer.snapshotState?.(checkpointId) ?? [],
        async close() {
          await writer.close?.();
          faults.check("SinkWriter.close, answer lost");
        },
      };
      return faulty;
    },
    committer: {
      serializer: committer.serializer,
      async create(context) {
        faults.check("SinkCommitter.create");
        const inner = await committer.create(context);
        return {
          commit: (requests) =>
            around("Committer.commit", async () => {
              const half = Math.ceil(requests.length / 2);
              await inner.commit(requests.slice(0, half));
              faults.check("Committer.commit, half done");
              await inner.commit(requests.slice(half));
            }),
          close: () => inner.close?.(),
        };
      },
    },
  };
}
