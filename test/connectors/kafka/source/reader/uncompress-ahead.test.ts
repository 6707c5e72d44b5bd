import { expect, it } from "vitest";
import type { FetchedPartition } from "../../../../../src/connectors/kafka/client/kafka-client.js";
import {
  RecordBatchBuilder,
  RecordCodecs,
} from "../../../../../src/connectors/kafka/records/index.js";
import {
  AssignedPartition,
  type PartitionRecords,
} from "../../../../../src/connectors/kafka/source/assigned-partition.js";
import { kafkaPartitionSplit } from "../../../../../src/connectors/kafka/source/kafka-split.js";
import { UncompressAhead } from "../../../../../src/connectors/kafka/source/uncompress-ahead.js";

const codecs = await RecordCodecs.load();
/** Of one answer, uncompressed: a record's few bytes come on top. */
const BYTES = 100_000;
const LIMIT = 250_000;

function answer(compression: "gzip" | "none" = "gzip"): FetchedPartition {
  const builder = new RecordBatchBuilder({ codecs, compression });
  const value = Buffer.from(Array.from({ length: BYTES }, (_, i) => (i * i) % 251));
  // Half of it does not repeat: it stays worth a thread.
  for (let i = 0; i < BYTES; i += 2) value[i] = Math.imul(i, 2_654_435_761) >>> 24;
  builder.append(null, value, undefined, 0);
  const fetched = { topic: "t", partition: 0, error: "NONE", records: builder.build() };
  return fetched as unknown as FetchedPartition;
}

function part(
  fetched: FetchedPartition,
  ahead: ReadonlyMap<FetchedPartition, ReadonlyMap<number, Buffer>>,
): PartitionRecords {
  const uncompressed = ahead.get(fetched);
  return { fetched, uncompressed } as Partial<PartitionRecords> as PartitionRecords;
}

it("holds no more uncompressed bytes than it may: under way, arrived and handed out", async () => {
  const ahead = new UncompressAhead(LIMIT);
  const [first, second, third, plain] = [answer(), answer(), answer(), answer("none")];
  const under = ahead.run([first], codecs, []);
  // While the first is under way there is room for one more.
  const others = await ahead.run([plain, second, third], codecs, []);
  expect([...others.keys()]).toEqual([second]);
  const firsts = await under;
  expect([...firsts.keys()]).toEqual([first]);

  const partition = new AssignedPartition(kafkaPartitionSplit({ topic: "t", partition: 0 }, 0));
  partition.add(part(second, others));
  const taken = part(first, firsts);
  ahead.handedOut(taken);
  expect([...(await ahead.run([third], codecs, [partition])).keys()]).toEqual([]);
  ahead.givenBack(taken);
  expect([...(await ahead.run([third], codecs, [partition])).keys()]).toEqual([third]);
});
