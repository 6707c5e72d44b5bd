import type { Json, Runner } from "../protocol.js";

const RUNNERS: Readonly<Record<string, (config: Json) => Promise<Runner>>> = {
  operator: async (config) => new (await import("./operator.js")).OperatorRunner(config),
  coordinator: async (config) => new (await import("./coordinator.js")).CoordinatorRunner(config),
  reader: async (config) => new (await import("./reader.js")).ReaderRunner(config),
  multiplexer: async () => new (await import("./multiplexer.js")).MultiplexerRunner(),
  aggregator: async () => new (await import("./aggregator.js")).AggregatorRunner(),
  queue: async (config) => new (await import("./queue.js")).QueueRunner(config),
  kafkaEnum: async (config) =>
    new (await import("./kafka-enumerator.js")).KafkaEnumeratorRunner(config),
  fn: async () => new (await import("./functions.js")).FunctionRunner(),
  idleness: async (config) => new (await import("./idleness.js")).IdlenessRunner(config),
};

/** The kinds of script that the framework can run so far. */
export const KINDS = Object.keys(RUNNERS);

export function createRunner(kind: string, config: Json): Promise<Runner> {
  const create = RUNNERS[kind];
  if (create === undefined) throw new Error(`unknown kind ${kind}`);
  return create(config);
}
