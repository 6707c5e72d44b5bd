import type { KafkaErrorName } from "../kafka-client.js";
import { errorName } from "./error-names.js";
import { type KafkaRequest, kafkaRequest, RequestKinds, throttled } from "./kafka-request.js";
import { WireReader } from "./wire-reader.js";

/** A broker as the cluster's metadata has it. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface TopicMetadata {
  readonly topic: string;
  readonly error: KafkaErrorName;
  readonly isInternal: boolean;
  /** The leader's node id of each partition; −1: it has none. */
  readonly leaders: ReadonlyMap<number, number>;
  /** How often each partition has got a leader; −1: the cluster does not say. */
  readonly epochs: ReadonlyMap<number, number>;
}

export interface ClusterDescription {
  readonly brokers: ReadonlyMap<number, BrokerAddress>;
  readonly topics: readonly TopicMetadata[];
}

/** Metadata of some topics, or of all; it never creates one. */
export function metadataRequest(
  topics: readonly string[] | "all",
): KafkaRequest<ClusterDescription> {
  return kafkaRequest(
    RequestKinds.metadata,
    (to) => {
      if (topics === "all") to.int32(-1);
      else to.array(topics, (topic) => to.string(topic));
      to.bool(false);
    },
    (payload) =>
      throttled(new WireReader(payload), (from) => {
        const brokers = from.array(() => {
          const id = from.int32();
          const address = { host: from.string(), port: from.int32() };
          from.nullableString(); // its rack
          return [id, address] as const;
        });
        from.nullableString(); // the cluster's id
        from.int32(); // the controller
        return { brokers: new Map(brokers), topics: from.array(topicMetadata) };
      }),
  );
}

function topicMetadata(from: WireReader): TopicMetadata {
  const error = errorName(from.int16());
  const topic = from.string();
  const isInternal = from.bool();
  const epochs = new Map<number, number>();
  const leaders = from.array(() => {
    from.int16();
    const entry = [from.int32(), from.int32()] as const;
    epochs.set(entry[0], from.int32());
    // Its replicas, those in sync, those offline.
    for (let lists = 0; lists < 3; lists++) from.array(() => from.int32());
    return entry;
  });
  return { topic, error, isInternal, leaders: new Map(leaders), epochs };
}
