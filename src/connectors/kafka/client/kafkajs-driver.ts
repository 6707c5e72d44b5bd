/// <reference path="./kafkajs-internals.d.ts" />
import type { Socket } from "node:net";
import { type HeadwaterError, peerMissing } from "../../../errors/index.js";
import type { KafkaRequest } from "./protocol/kafka-request.js";

/** What kafkajs makes a connection of. */
export interface DriverConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly ssl: unknown;
  readonly sasl: unknown;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly logger: unknown;
  readonly socketFactory: (target: {
    readonly host: string;
    readonly port: number;
    readonly ssl: unknown;
    readonly onConnect: () => void;
  }) => Socket;
}

/** What a broker takes of one kind of request: versions from, up to. */
export interface VersionRange {
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** One of kafkajs's connections: one socket, requests in order, SASL. */
export interface DriverConnection {
  connect(): Promise<boolean>;
  authenticate(): Promise<void>;
  isConnected(): boolean;
  /** Milliseconds, a Long; set after each log-in; 0: the broker ends no session. */
  sessionLifetime: { toNumber(): number };
  /** So long before the end of a session, in milliseconds, it is logged in again. */
  reauthenticationThreshold: number;
  setVersions(versions: Readonly<Record<number, VersionRange>>): void;
  setSupportAuthenticationProtocol(isSupported: boolean): void;
  /** `requestTimeout` in milliseconds, where it is longer than the connection's. */
  send<T>(request: KafkaRequest<T> & { readonly requestTimeout?: number }): Promise<T>;
}

/** What a function to be retried may call instead of throwing. */
type Bail = (error: unknown) => void;

/** What the client takes from inside kafkajs. */
export interface KafkaDriver {
  readonly Connection: new (options: DriverConnectionOptions) => DriverConnection;
  readonly createLogger: (options: {
    readonly level: number;
    readonly logCreator: () => () => void;
  }) => unknown;
  readonly createRetry: (options: {
    readonly retries: number;
    readonly initialRetryTime: number;
    readonly maxRetryTime: number;
    readonly multiplier: number;
    readonly factor: number;
  }) => <T>(attempt: (bail: Bail, retryCount: number) => Promise<T>) => Promise<T>;
}

let loading: Promise<KafkaDriver> | undefined;

/** Loads the optional peer on first use; throws DRIVER_MISSING with the command that installs it. */
export function loadKafkaDriver(): Promise<KafkaDriver> {
  loading ??= load().catch((cause: unknown) => {
    loading = undefined;
    throw driverMissing(cause);
  });
  return loading;
}

async function load(): Promise<KafkaDriver> {
  const [connection, loggers, retry] = await Promise.all([
    import("kafkajs/src/network/connection.js"),
    import("kafkajs/src/loggers/index.js"),
    import("kafkajs/src/retry/index.js"),
  ]);
  return {
    Connection: connection.default,
    createLogger: loggers.default.createLogger,
    createRetry: retry.default,
  };
}

/** The error for a peer that is not installed. */
export function driverMissing(cause: unknown): HeadwaterError {
  return peerMissing("the Kafka connector needs kafkajs", "kafkajs@2.2.4", cause);
}
