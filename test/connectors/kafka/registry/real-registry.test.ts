import { describe, expect, it } from "vitest";
import {
  type KafkaRecordSerializer,
  kafkaKeyed,
  kafkaSink,
  kafkaSource,
} from "../../../../src/connectors/kafka/index.js";
import { kafkaRegistry } from "../../../../src/connectors/kafka/registry/kafka-registry.js";
import { registrySerializer } from "../../../../src/connectors/kafka/registry/registry-serializer.js";
import type { KafkaDeserializer } from "../../../../src/connectors/kafka/source/deserialization.js";
import { collection, defineJob, explain, noRestart, noWatermarks } from "../../../../src/index.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { newName, newTopic } from "../integration/kafka-topics.js";
import { useApicurio } from "./apicurio.js";

const kafka = useSharedKafka();
const registry = useApicurio();

const ORDER = {
  type: "record",
  name: "Order",
  namespace: "shop",
  fields: [
    { name: "id", type: "long" },
    { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "note", type: ["null", "string"], default: null },
  ],
};
const PROTO = `syntax = "proto3";
package shop;
enum Kind { NONE = 0; BIG = 1; }
message Key { string id = 1; }
message Order { message Item { string name = 1; } int64 id = 1; repeated Item items = 2; Kind kind = 3; }
`;

async function write<T>(
  records: readonly T[],
  serializer: KafkaRecordSerializer<T>,
  to?: string,
): Promise<string> {
  const topic = to ?? (await newTopic(kafka().bootstrap, { partitions: 3 }));
  const job = defineJob("write", (env) => {
    env
      .fromSource(collection(records), noWatermarks<T>())
      .sinkTo(kafkaSink<T>({ brokers: kafka().bootstrap, topic, serializer }));
  });
  const handle = await job.run({ restartStrategy: noRestart() });
  await handle.done;
  return topic;
}

async function read<T>(topic: string, deserializer: KafkaDeserializer<T>): Promise<T[]> {
  const records: T[] = [];
  const job = defineJob("read", (env) => {
    env
      .fromSource(
        kafkaSource<T>({
          brokers: kafka().bootstrap,
          topics: topic,
          stopAt: "latest",
          deserializer,
        }),
        noWatermarks<T>(),
      )
      .sinkTo({
        name: "records",
        createWriter: async () => ({
          write: (some: readonly T[]) => {
            records.push(...some);
          },
          flush() {},
          async close() {},
        }),
      });
  });
  const handle = await job.run({ restartStrategy: noRestart() });
  await handle.done;
  return records;
}

describe("records in the wire format of a schema registry, over a broker", () => {
  it("come back from Avro keys and values, with an evolved schema in between", async () => {
    const url = registry().url;
    const [key, value] = [newName("key"), newName("value")];
    const orders = Array.from({ length: 200 }, (_, i) => ({
      id: 2n ** 53n + BigInt(i),
      at: new Date(1_700_000_000_000 + i),
      note: i % 2 === 0 ? null : `n${i}`,
    }));
    const serializer = (fields: readonly object[]) => ({
      key: registrySerializer<{ id: bigint }>({
        url,
        subject: key,
        schema: { type: "record", name: "Key", fields: [{ name: "id", type: "long" }] },
        register: true,
        field: ({ id }) => ({ id }),
      }),
      value: registrySerializer<(typeof orders)[number]>({
        url,
        subject: value,
        schema: { ...ORDER, fields: [...ORDER.fields, ...fields] },
        register: true,
      }),
    });
    const more = { name: "more", type: "int", default: 7 };
    const topic = await write(orders.slice(0, 100), serializer([]));
    const later = orders.slice(100).map((order) => ({ ...order, more: 8 }));
    await write(later, serializer([more]), topic);
    const readerSchema = { ...ORDER, fields: [...ORDER.fields, more] };
    const options = { url, int64: "bigint" } as const;
    const found = await read(
      topic,
      kafkaKeyed({
        key: kafkaRegistry<{ id: bigint }>(options),
        value: kafkaRegistry<{ id: bigint }>({ ...options, readerSchema }),
      }),
    );
    const expected = [...orders.slice(0, 100).map((order) => ({ ...order, more: 7 })), ...later];
    const byId = found.sort((a, b) => Number((a.value?.id ?? 0n) - (b.value?.id ?? 0n)));
    expect(byId.map((one) => one.value)).toEqual(expected);
    expect(byId.every((one) => one.key?.id === one.value?.id)).toBe(true);
  });

  it("come back from Protobuf and JSON Schema", async () => {
    const url = registry().url;
    const orders = [1, 2, 3].map((id) => ({ id, items: [{ name: `i${id}` }], kind: 1 }));
    const proto = registrySerializer<object>({
      ...{ url, subject: newName("proto"), register: true },
      ...{ schema: PROTO, type: "protobuf", messageName: "Order" },
    });
    const fromProto = await read(await write(orders, { value: proto }), kafkaRegistry({ url }));
    expect(fromProto).toEqual(expect.arrayContaining(orders));
    expect(fromProto).toHaveLength(3);
    const schema = { type: "object", properties: { id: { type: "integer" } }, required: ["id"] };
    const json = registrySerializer<object>({
      ...{ url, subject: newName("json"), register: true, schema, type: "json" },
    });
    const fromJson = await read(await write(orders, { value: json }), kafkaRegistry({ url }));
    expect(fromJson).toEqual(expect.arrayContaining(orders));
  });

  it("fail a sink whose schema the registry does not have, or does not take", async () => {
    const url = registry().url;
    const subject = newName("refused");
    const value = registrySerializer<object>({ url, subject, schema: ORDER });
    const missing = await write([{}], { value }).catch((error: Error) => error);
    expect(explain(missing as Error)).toMatch(new RegExp(`${url}[\\s\\S]*${subject}`));
    const broken = registrySerializer<object>({
      url,
      subject,
      schema: '{"type":"nothing"}',
      register: true,
    });
    const refused = await write([{}], { value: broken }).catch((error: Error) => error);
    expect(explain(refused as Error)).toMatch(/status 4\d\d/);
  });

  it("fail a source whose registry stays down, which the error names", async () => {
    const url = registry().url;
    const subject = newName("down");
    const value = registrySerializer<string>({ url, subject, schema: '"string"', register: true });
    const topic = await write(["a", "b"], { value });
    await registry().stop();
    const error = await read(topic, kafkaRegistry<string>({ url })).catch((one: Error) => one);
    expect(explain(error as Error)).toContain(`the schema registry at ${url} does not answer`);
  });
});
