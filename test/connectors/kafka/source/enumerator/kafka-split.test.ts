import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kafkaEnumeratorStateSerializer } from "../../../../../src/connectors/kafka/source/kafka-enumerator-state.js";
import {
  COMMITTED_OFFSET,
  EARLIEST_OFFSET,
  KafkaPartitionSplitState,
  kafkaPartitionSplit,
  kafkaSplitSerializer,
  LATEST_OFFSET,
} from "../../../../../src/connectors/kafka/source/kafka-split.js";
import { splitOwner } from "../../../../../src/connectors/kafka/source/split-owner.js";
import { HeadwaterError } from "../../../../../src/errors/index.js";

const offset = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const split = fc
  .record({
    // Not only what Kafka allows: every UTF-16 unit has its own bytes.
    topic: fc.string({ unit: fc.oneof(fc.string({ unit: "binary" }), fc.constant("\0")) }),
    partition: fc.nat({ max: 2 ** 31 - 1 }),
    start: fc.oneof(offset, fc.constantFrom(EARLIEST_OFFSET, LATEST_OFFSET, COMMITTED_OFFSET)),
    stop: fc.option(fc.oneof(offset, fc.constantFrom(LATEST_OFFSET, COMMITTED_OFFSET)), {
      nil: undefined,
    }),
  })
  .map(({ start, stop, ...place }) => kafkaPartitionSplit(place, start, stop));

describe("a split's bytes", () => {
  it("carry all of it", () => {
    fc.assert(
      fc.property(split, (given) => {
        const bytes = kafkaSplitSerializer.serialize(given);
        expect(kafkaSplitSerializer.deserialize(0, bytes)).toEqual(given);
      }),
    );
  });

  it("give the same split or a clear error when they are damaged", () => {
    const damage = fc.record({ cut: fc.nat(40), at: fc.nat(60), to: fc.nat(255) });
    fc.assert(
      fc.property(split, damage, (given, { cut, at, to }) => {
        const bytes = kafkaSplitSerializer.serialize(given).slice(0, -cut || undefined);
        if (at < bytes.length) bytes[at] = to;
        try {
          kafkaSplitSerializer.deserialize(0, bytes);
          expect(cut).toBe(0);
        } catch (error) {
          expect(error).toBeInstanceOf(HeadwaterError);
          expect((error as HeadwaterError).code).toBe("SERIALIZER_FAILED");
        }
      }),
    );
  });

  it("of another version are refused", () => {
    expect(() => kafkaSplitSerializer.deserialize(1, new Uint8Array(9))).toThrow(
      "kafka split has version 1; this release reads 0",
    );
  });
});

describe("an enumerator state's bytes", () => {
  it("carry all of it", () => {
    const state = fc.record({
      assigned: fc.array(split, { maxLength: 8 }),
      unassigned: fc.array(split, { maxLength: 8 }),
      initialDiscoveryFinished: fc.boolean(),
    });
    fc.assert(
      fc.property(state, (given) => {
        const bytes = kafkaEnumeratorStateSerializer.serialize(given);
        expect(kafkaEnumeratorStateSerializer.deserialize(3, bytes)).toEqual(given);
      }),
    );
  });

  it("that are cut or too long are refused", () => {
    const { serialize, deserialize } = kafkaEnumeratorStateSerializer;
    const one = kafkaPartitionSplit({ topic: "t", partition: 0 }, 1);
    const bytes = serialize({ assigned: [one], unassigned: [], initialDiscoveryFinished: true });
    for (const damaged of [bytes.slice(0, -1), Uint8Array.of(...bytes, 0), new Uint8Array(3)]) {
      expect(() => deserialize(3, damaged)).toThrow(/kafka enumerator state cannot be read/);
    }
    expect(() => deserialize(2, bytes)).toThrow("has version 2; this release reads 3");
  });
});

describe("a split", () => {
  it.each([
    [-4, undefined],
    [1.5, undefined],
    [Number.NaN, undefined],
    [0, EARLIEST_OFFSET],
    [0, -4],
  ])("cannot start at %s and stop at %s", (start, stop) => {
    expect(() => kafkaPartitionSplit({ topic: "t", partition: 3 }, start, stop)).toThrow(
      /offset for t-3: expected a whole number ≥ 0 or a marker/,
    );
  });

  it("reads on where its state stands", () => {
    const given = kafkaPartitionSplit({ topic: "t", partition: 0 }, EARLIEST_OFFSET, LATEST_OFFSET);
    const state = new KafkaPartitionSplitState(given);
    expect(state.toSplit()).toEqual(given);
    state.currentOffset = 7;
    state.stoppingOffset = 9;
    expect(state.toSplit()).toEqual({ ...given, startingOffset: 7, stoppingOffset: 9 });
  });

  it("has one owner, and a topic's partitions go round all readers", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 50 }), (topic, readers) => {
        const owners = Array.from({ length: readers }, (_, partition) =>
          splitOwner({ topic, partition }, readers),
        );
        expect([...owners].sort((a, b) => a - b)).toEqual(owners.map((_, i) => i));
      }),
    );
  });
});
