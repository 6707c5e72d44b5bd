import type { HeadwaterError } from "../../../errors/index.js";
import { BrokerConnection } from "./broker-connection.js";
import type { KafkaConnectionSettings } from "./connection-options.js";
import type { FetchBuffers } from "./fetch-buffers.js";
import type { KafkaDriver } from "./kafkajs-driver.js";
import type { KafkaRequest } from "./protocol/kafka-request.js";
import type { BrokerAddress } from "./protocol/metadata-request.js";

/** A broker serves a connection's requests one after the other: fetches that wait have their own. */
type Lane = "requests" | "fetches" | "second fetches";

interface Entry {
  readonly opened: Promise<BrokerConnection>;
  /** Set as soon as there is a socket, so that closing need not wait for the handshake. */
  connection: BrokerConnection | undefined;
}

/**
 * A client's connections, opened when first needed and again after they broke.
 *
 * Owns: at most three connections a broker: one for requests, two for fetches.
 * Called by: the client, on its caller's loop.
 * Invariants: a broken connection is never given out again; after `close` nothing is opened.
 */
export class BrokerConnections {
  readonly #driver: KafkaDriver;
  readonly #settings: KafkaConnectionSettings;
  readonly #clientId: string;
  readonly #buffers: FetchBuffers;
  readonly #entries = new Map<string, Entry>();
  /** The fetch connections with a fetch under way. */
  readonly #fetching = new Set<string>();
  #closed: HeadwaterError | undefined;

  constructor(
    driver: KafkaDriver,
    settings: KafkaConnectionSettings,
    clientId: string,
    buffers: FetchBuffers,
  ) {
    this.#driver = driver;
    this.#settings = settings;
    this.#clientId = clientId;
    this.#buffers = buffers;
  }

  /** Rejects with CONNECTION_FAILED, or KAFKA_AUTHENTICATION_FAILED. */
  async send<T>(
    address: BrokerAddress,
    request: KafkaRequest<T>,
    lane: Lane = "requests",
    extraTime = 0,
  ): Promise<T> {
    if (this.#closed !== undefined) throw this.#closed;
    const connection = await this.#entry(address, lane).opened;
    return connection.send(request, extraTime);
  }

  /** Like `send`; it does not wait for another fetch from the same broker, only a third one does. */
  async fetch<T>(address: BrokerAddress, request: KafkaRequest<T>, maxWait: number): Promise<T> {
    const first = `${address.host}:${address.port}`;
    if (this.#fetching.has(first)) return this.send(address, request, "second fetches", maxWait);
    this.#fetching.add(first);
    try {
      return await this.send(address, request, "fetches", maxWait);
    } finally {
      this.#fetching.delete(first);
    }
  }

  close(reason: HeadwaterError): void {
    this.#closed ??= reason;
    for (const { connection } of [...this.#entries.values()]) connection?.destroy(reason);
    this.#entries.clear();
  }

  #entry(address: BrokerAddress, lane: Lane): Entry {
    const key = `${lane} ${address.host}:${address.port}`;
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    let early: BrokerConnection | undefined;
    const forget = (): void => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    };
    const holder = {
      onOpening: (connection: BrokerConnection): void => {
        early = connection;
      },
      onBroken: forget,
    };
    const opened = BrokerConnection.open(
      this.#driver,
      this.#settings,
      this.#clientId,
      address,
      holder,
      this.#buffers,
    );
    const entry: Entry = { opened, connection: early };
    this.#entries.set(key, entry);
    opened.catch(forget);
    return entry;
  }
}
