import type { HeadwaterError } from "../../../errors/index.js";
import type { BrokerConnections } from "./broker-connections.js";
import { requestFailed } from "./client-errors.js";
import type { ClusterMetadata } from "./cluster-metadata.js";
import type { KafkaErrorName } from "./kafka-client.js";
import { type CoordinatorType, findCoordinatorRequest } from "./protocol/coordinator-requests.js";
import { COORDINATOR_MOVED } from "./protocol/error-names.js";
import type { KafkaRequest } from "./protocol/kafka-request.js";
import type { BrokerAddress } from "./protocol/metadata-request.js";
import { type Retry, RetryLater } from "./retry.js";

/** A sink with many transactional ids must not keep them all. */
const REMEMBERED = 1000;
/** Errors of transactions that pass: the one before still ends, or a topic was just made. */
const BUSY: ReadonlySet<KafkaErrorName> = new Set([
  "CONCURRENT_TRANSACTIONS",
  "UNKNOWN_TOPIC_OR_PARTITION",
]);

/**
 * Sends requests to the coordinator of a group or a transactional id, wherever it moves.
 *
 * Owns: which broker was last told to be whose coordinator.
 * Called by: the client.
 */
export class Coordinators {
  readonly #connections: BrokerConnections;
  readonly #metadata: ClusterMetadata;
  readonly #retry: Retry;
  readonly #addresses = new Map<string, BrokerAddress>();

  constructor(connections: BrokerConnections, metadata: ClusterMetadata, retry: Retry) {
    this.#connections = connections;
    this.#metadata = metadata;
    this.#retry = retry;
  }

  /**
   * The answer, once `errorOf` finds none in it that passes by itself; after the last try the answer
   * with such an error. `what`: of the request, for errors.
   */
  async send<T>(
    type: CoordinatorType,
    id: string,
    what: string,
    request: KafkaRequest<T>,
    errorOf: (answer: T) => KafkaErrorName,
  ): Promise<T> {
    return this.#retry.run(async () => {
      const key = `${type} ${id}`;
      const address = this.#addresses.get(key) ?? (await this.#find(type, id, what));
      let answer: T;
      try {
        answer = await this.#connections.send(address, request);
      } catch (error) {
        this.#addresses.delete(key);
        throw error;
      }
      const error = errorOf(answer);
      if (COORDINATOR_MOVED.has(error)) {
        this.#addresses.delete(key);
        throw new RetryLater(answer);
      }
      if (type === "transaction" && BUSY.has(error)) throw new RetryLater(answer);
      return answer;
    });
  }

  async #find(type: CoordinatorType, id: string, what: string): Promise<BrokerAddress> {
    const { error, address } = await this.#metadata.askAny(findCoordinatorRequest(type, id));
    if (error !== "NONE") throw this.#notFound(what, error);
    if (this.#addresses.size >= REMEMBERED) this.#addresses.clear();
    this.#addresses.set(`${type} ${id}`, address);
    return address;
  }

  #notFound(what: string, error: KafkaErrorName): HeadwaterError {
    return requestFailed(`${what}: no coordinator`, error);
  }
}
