import { expect, it } from "vitest";
import { murmur2, partitionForKey } from "../../../../src/connectors/kafka/records/index.js";
import { HASHES } from "./golden-batches.js";

it("hashes keys and chooses partitions as Kafka's own producer does", () => {
  expect(HASHES.length).toBe(300);
  for (const [hex, hash, partition] of HASHES) {
    const key = Buffer.from(hex, "hex");
    expect(murmur2(key), hex).toBe(hash);
    expect(partitionForKey(key, 12), hex).toBe(partition);
  }
});
