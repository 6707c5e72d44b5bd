import type { SimpleVersionedSerializer, Sink, SinkWriter } from "headwater";

/** What the writers of both sinks have as state. */
interface BothStates {
  readonly first: readonly unknown[];
  readonly second: readonly unknown[];
}

/** Gives every record to two sinks; the first may have a committer. */
export function bothSinks<T>(first: Sink<T>, second: Sink<T>): Sink<T, BothStates> {
  return {
    name: `${first.name} and ${second.name}`,
    verify(job) {
      first.verify?.(job);
      second.verify?.(job);
    },
    writerStateSerializer: statesSerializer(first, second),
    ...(first.committer === undefined ? {} : { committer: first.committer }),
    async createWriter(context, restored): Promise<SinkWriter<T, BothStates>> {
      const one = await first.createWriter(
        context,
        restored?.flatMap((states) => states.first),
      );
      const other = await Promise.resolve(
        second.createWriter(
          context,
          restored?.flatMap((states) => states.second),
        ),
      ).catch(async (error: unknown) => {
        await one.close?.();
        throw error;
      });
      return {
        async write(records, timestamps) {
          await Promise.all([one.write(records, timestamps), other.write(records, timestamps)]);
        },
        async writeWatermark(watermark) {
          await one.writeWatermark?.(watermark);
          await other.writeWatermark?.(watermark);
        },
        async flush(endOfInput) {
          await one.flush?.(endOfInput);
          await other.flush?.(endOfInput);
        },
        prepareCommit: () => one.prepareCommit?.() ?? [],
        snapshotState: (checkpointId) => [
          {
            first: one.snapshotState?.(checkpointId) ?? [],
            second: other.snapshotState?.(checkpointId) ?? [],
          },
        ],
        async close() {
          try {
            await one.close?.();
          } finally {
            await other.close?.();
          }
        },
      };
    },
  };
}

/** Each state as its own sink writes it, with the version beside it. */
type StoredStates = readonly (readonly [version: number, base64: string])[];

function statesSerializer<T>(
  first: Sink<T>,
  second: Sink<T>,
): SimpleVersionedSerializer<BothStates> {
  return {
    version: 1,
    serialize(states) {
      const stored = [storedStates(first, states.first), storedStates(second, states.second)];
      return new TextEncoder().encode(JSON.stringify(stored));
    },
    deserialize(version, bytes) {
      if (version !== 1) throw new Error(`version ${version} of the two sinks' state is unknown`);
      const [one, other] = JSON.parse(new TextDecoder().decode(bytes)) as StoredStates[];
      return { first: readStates(first, one), second: readStates(second, other) };
    },
  };
}

function storedStates(
  { writerStateSerializer: serializer }: Sink<never>,
  states: readonly unknown[],
): StoredStates {
  if (serializer === undefined) return [];
  return states.map((state) => [
    serializer.version,
    Buffer.from(serializer.serialize(state)).toString("base64"),
  ]);
}

function readStates(
  { writerStateSerializer: serializer }: Sink<never>,
  stored: StoredStates = [],
): unknown[] {
  if (serializer === undefined) return [];
  return stored.map(([version, base64]) =>
    serializer.deserialize(version, Buffer.from(base64, "base64")),
  );
}
