import { HeadwaterError } from "../../../errors/index.js";
import type { BrokerConnections } from "./broker-connections.js";
import type { ClusterMetadata } from "./cluster-metadata.js";
import type { IsolationLevel, KafkaErrorName, OffsetAnswer, OffsetQuery } from "./kafka-client.js";
import { STALE_METADATA } from "./protocol/error-names.js";
import { listOffsetsRequest } from "./protocol/offset-requests.js";
import { nameOf } from "./protocol/topic-groups.js";
import { type Retry, RetryLater } from "./retry.js";

/** A topic that was just made is not known to every broker at once; after so many looks it does not exist. */
const LOOKS = 4;

/** Looks offsets up at the partitions' leaders, and again where a leader has moved. */
export class OffsetLookup {
  readonly #connections: BrokerConnections;
  readonly #metadata: ClusterMetadata;
  readonly #retry: Retry;

  constructor(connections: BrokerConnections, metadata: ClusterMetadata, retry: Retry) {
    this.#connections = connections;
    this.#metadata = metadata;
    this.#retry = retry;
  }

  /** One answer a query, in their order. */
  async listOffsets(
    queries: readonly OffsetQuery[],
    isolation: IsolationLevel,
  ): Promise<readonly OffsetAnswer[]> {
    const answers = new Map<OffsetQuery, OffsetAnswer>();
    await this.#retry.run(async (count) => {
      const open = queries.filter((query) => isOpen(answers.get(query), count));
      const topics = [...new Set(open.map(({ topic }) => topic))];
      const asked = count === 0 ? topics.filter((topic) => !this.#metadata.knows(topic)) : topics;
      await this.#metadata.refresh(asked);
      await this.#askAll(open, isolation, answers);
      const isDone = queries.every((query) => !isOpen(answers.get(query), count + 1));
      if (!isDone) throw new RetryLater(undefined);
    });
    return queries.map((query) => answers.get(query) ?? failed(query, "LEADER_NOT_AVAILABLE"));
  }

  async #askAll(
    queries: readonly OffsetQuery[],
    isolation: IsolationLevel,
    answers: Map<OffsetQuery, OffsetAnswer>,
  ): Promise<void> {
    const requests = new Map<string, { leader: number; queries: OffsetQuery[] }>();
    const seen = new Map<string, number>();
    for (const query of queries) {
      const leader = this.#metadata.knownLeader(query);
      if (leader === undefined) {
        const isKnown = this.#metadata.knows(query.topic);
        const error = isKnown ? "LEADER_NOT_AVAILABLE" : "UNKNOWN_TOPIC_OR_PARTITION";
        answers.set(query, failed(query, error));
        continue;
      }
      // A request may name a partition once: what is asked of it twice goes into another request.
      const before = seen.get(nameOf(query)) ?? 0;
      seen.set(nameOf(query), before + 1);
      const key = `${leader} ${before}`;
      const request = requests.get(key);
      if (request === undefined) requests.set(key, { leader, queries: [query] });
      else request.queries.push(query);
    }
    const sent = [...requests.values()].map(async (request) => {
      for (const [query, answer] of await this.#ask(request.leader, request.queries, isolation)) {
        answers.set(query, answer);
      }
    });
    await Promise.all(sent);
  }

  async #ask(
    leader: number,
    queries: readonly OffsetQuery[],
    isolation: IsolationLevel,
  ): Promise<readonly (readonly [OffsetQuery, OffsetAnswer])[]> {
    let found: readonly OffsetAnswer[];
    try {
      const address = await this.#metadata.addressOf(leader);
      found = await this.#connections.send(address, listOffsetsRequest(queries, isolation));
    } catch (error) {
      if (!(error instanceof HeadwaterError) || error.retry !== "backoff") throw error;
      return queries.map((query) => [query, failed(query, "NETWORK_EXCEPTION")]);
    }
    const byName = new Map(found.map((answer) => [nameOf(answer), answer]));
    return queries.map((query) => [
      query,
      byName.get(nameOf(query)) ?? failed(query, "UNKNOWN_SERVER_ERROR"),
    ]);
  }
}

/** Whether a query is to be asked after so many attempts. */
function isOpen(answer: OffsetAnswer | undefined, attempts: number): boolean {
  if (answer === undefined) return true;
  if (answer.error === "UNKNOWN_TOPIC_OR_PARTITION") return attempts < LOOKS;
  return STALE_METADATA.has(answer.error) || answer.error === "NETWORK_EXCEPTION";
}

function failed({ topic, partition }: OffsetQuery, error: KafkaErrorName): OffsetAnswer {
  return { topic, partition, error, offset: undefined };
}
