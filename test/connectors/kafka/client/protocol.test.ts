import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Abandonable } from "../../../../src/connectors/kafka/client/abandonable.js";
import { parseAddress } from "../../../../src/connectors/kafka/client/connection-options.js";
import {
  missingRequest,
  takes,
} from "../../../../src/connectors/kafka/client/protocol/api-versions-request.js";
import { errorName } from "../../../../src/connectors/kafka/client/protocol/error-names.js";
import { fetchRequest } from "../../../../src/connectors/kafka/client/protocol/fetch-request.js";
import { RequestKinds } from "../../../../src/connectors/kafka/client/protocol/kafka-request.js";
import { produceRequest } from "../../../../src/connectors/kafka/client/protocol/produce-request.js";
import { byTopic } from "../../../../src/connectors/kafka/client/protocol/topic-groups.js";
import { WireReader } from "../../../../src/connectors/kafka/client/protocol/wire-reader.js";
import { WireWriter } from "../../../../src/connectors/kafka/client/protocol/wire-writer.js";
import { redacted } from "../../../../src/connectors/kafka/client/redacted.js";

const SEED = 20_261_121;

describe("fields of requests and responses", () => {
  it(`come back as they were written, at every size of the buffer (seed ${SEED})`, () => {
    const field = fc.oneof(
      fc.record({ kind: fc.constant("int8" as const), value: fc.integer({ min: -128, max: 127 }) }),
      fc.record({
        kind: fc.constant("int16" as const),
        value: fc.integer({ min: -1, max: 32767 }),
      }),
      fc.record({ kind: fc.constant("int32" as const), value: fc.integer() }),
      fc.record({ kind: fc.constant("int64" as const), value: fc.maxSafeInteger() }),
      fc.record({ kind: fc.constant("string" as const), value: fc.string({ unit: "grapheme" }) }),
      fc.record({ kind: fc.constant("bytes" as const), value: fc.uint8Array({ maxLength: 300 }) }),
    );
    fc.assert(
      fc.property(fc.array(field, { maxLength: 80 }), (fields) => {
        const writer = new WireWriter();
        for (const { kind, value } of fields) (writer[kind] as (v: unknown) => unknown)(value);
        const reader = new WireReader(writer.finish());
        for (const { kind, value } of fields) {
          const read = kind === "bytes" ? reader.nullableBytes() : reader[kind]();
          expect(kind === "bytes" ? new Uint8Array(read as Buffer) : read).toEqual(value);
        }
        expect(() => reader.int8()).toThrow(RangeError);
      }),
      { seed: SEED },
    );
  });

  it("are not read behind the end of a response", () => {
    const reader = new WireReader(Buffer.from([0, 9, 65]));
    expect(() => reader.string()).toThrow(/ends in the middle/);
  });
});

describe("a broker", () => {
  const versions = Object.fromEntries(
    Object.values(RequestKinds).map(({ apiKey }) => [apiKey, { minVersion: 0, maxVersion: 12 }]),
  );

  it("has to take every request but the one about leaders' epochs", () => {
    expect(missingRequest(versions)).toBeUndefined();
    const { fetch, offsetForLeaderEpoch } = RequestKinds;
    expect(missingRequest({ ...versions, [fetch.apiKey]: undefined } as never)).toBe(
      `Fetch ${fetch.apiVersion}`,
    );
    const without = { ...versions, [offsetForLeaderEpoch.apiKey]: undefined } as never;
    expect(missingRequest(without)).toBeUndefined();
    expect(takes(without, offsetForLeaderEpoch)).toBe(false);
  });
});

describe("a fetch", () => {
  it("keeps the order of its partitions, since a broker fills them from the start", () => {
    const entry = (topic: string, partition: number) => ({ topic, partition });
    const entries = [entry("b", 1), entry("b", 0), entry("a", 0), entry("b", 2)];
    expect(byTopic(entries).map(({ topic, partitions }) => [topic, partitions.length])).toEqual([
      ["b", 2],
      ["a", 1],
      ["b", 1],
    ]);
  });

  it("gives its own error to every partition", () => {
    const { response } = fetchRequest({
      isolation: "read_committed",
      maxWait: 1,
      minBytes: 1,
      maxBytes: 1,
      positions: [{ topic: "t", partition: 3, offset: 0, maxBytes: 1 }],
    });
    const payload = new WireWriter().int32(25).int16(35).int32(0).int32(0).finish();
    const read = response.decode(payload);
    expect(read.clientSideThrottleTime).toBe(25);
    expect(read.body).toMatchObject([{ topic: "t", partition: 3, error: "UNSUPPORTED_VERSION" }]);
  });
});

describe("a produce request", () => {
  const request = (partitions: readonly number[]) =>
    produceRequest({
      acks: -1,
      timeout: 1,
      transactionalId: undefined,
      partitions: partitions.map((partition) => ({
        topic: "t",
        partition,
        records: Buffer.from("x"),
      })),
    });

  it("takes a partition that the response leaves out for an error", () => {
    const { response } = request([0, 1]);
    const payload = new WireWriter()
      .int32(1)
      .string("t")
      .int32(1)
      .int32(1)
      .int16(0)
      .int64(77)
      .int64(-1)
      .int64(0)
      .int32(0)
      .finish();
    expect(response.decode(payload).body).toEqual([
      { topic: "t", partition: 0, error: "UNKNOWN_SERVER_ERROR", baseOffset: -1 },
      { topic: "t", partition: 1, error: "NONE", baseOffset: 77 },
    ]);
  });

  it("has every partition only once", () => {
    expect(() => request([4, 4])).toThrow(/two entries for the same partition/);
  });
});

describe("names of errors", () => {
  it("are those of Kafka", () => {
    const codes = [-1, 0, 1, 6, 16, 29, 45, 47, 51, 53, 58, 67, 74, 87, 90, 91];
    expect(codes.map(errorName)).toEqual([
      "UNKNOWN_SERVER_ERROR",
      "NONE",
      "OFFSET_OUT_OF_RANGE",
      "NOT_LEADER_OR_FOLLOWER",
      "NOT_COORDINATOR",
      "TOPIC_AUTHORIZATION_FAILED",
      "OUT_OF_ORDER_SEQUENCE_NUMBER",
      "INVALID_PRODUCER_EPOCH",
      "CONCURRENT_TRANSACTIONS",
      "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
      "SASL_AUTHENTICATION_FAILED",
      "INVALID_PRINCIPAL_TYPE",
      "FENCED_LEADER_EPOCH",
      "INVALID_RECORD",
      "PRODUCER_FENCED",
      "ERROR_91",
    ]);
  });
});

describe("what depends on something that ends", () => {
  it("is rejected with the first reason, also when it comes later", async () => {
    const requests = new Abandonable();
    const early = requests.settles(new Promise(() => {}));
    requests.end(new Error("gone"));
    requests.end(new Error("gone again"));
    await expect(early).rejects.toThrow(/^gone$/);
    await expect(requests.settles(Promise.resolve(1))).rejects.toThrow(/^gone$/);
  });
});

describe("addresses and secrets", () => {
  it("reads host and port", () => {
    expect(parseAddress("kafka.example:9092")).toEqual({ host: "kafka.example", port: 9092 });
    expect(parseAddress("[::1]:9092")).toEqual({ host: "::1", port: 9092 });
    for (const wrong of ["kafka", "kafka:0", "kafka:70000", "a b:1", "u:p@h:1", ":9092"]) {
      expect(parseAddress(wrong)).toBeUndefined();
    }
  });

  it("takes the password out of a message", () => {
    const sasl = { mechanism: "plain", username: "u", password: "s3cret" } as const;
    expect(redacted("no: s3cret, s3cret", sasl)).toBe("no: (not shown), (not shown)");
    const token = { mechanism: "oauthbearer", oauthBearerProvider: async () => ({ value: "" }) };
    expect(redacted("token abc expired", token as never)).toBe("the log-in has failed");
  });
});
