import type { Client } from "./client.js";
import { headwaterBytes, headwaterJson, headwaterLengths, headwaterText } from "./headwater.js";
import { idle, slowSink } from "./jobs.js";
import { jsonParse } from "./json-parse.js";
import { kafkajs } from "./kafkajs.js";
import { latency, latencyOfBoth } from "./latency.js";
import { confluent, crab, platformatic } from "./peers.js";
import { kafkajsProducer, sinkAtLeastOnce, sinkExactlyOnce } from "./sinks.js";

/** Every client by its name in the table. */
export const CLIENTS: Readonly<Record<string, Client>> = {
  headwater: headwaterBytes,
  "headwater text": headwaterText,
  "headwater lengths": headwaterLengths,
  "headwater JSON": headwaterJson,
  "JSON.parse": jsonParse,
  kafkajs,
  "headwater sink": sinkExactlyOnce,
  "headwater sink, at least once": sinkAtLeastOnce,
  "kafkajs producer": kafkajsProducer,
  latency,
  "latency of both": latencyOfBoth,
  idle,
  "slow sink": slowSink,
  "@platformatic/kafka": platformatic,
  "kafka-crab-js": crab,
  "@confluentinc/kafka-javascript": confluent,
};
