import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { HeadwaterError } from "../../../errors/index.js";
import { Abandonable } from "./abandonable.js";
import {
  authenticationFailed,
  certificateRefused,
  connectionFailed,
  requestFailed,
} from "./client-errors.js";
import type { KafkaConnectionSettings, KafkaSasl } from "./connection-options.js";
import type { FetchBuffers } from "./fetch-buffers.js";
import type { DriverConnection, KafkaDriver } from "./kafkajs-driver.js";
import { oauthBearerAuthentication } from "./oauth-bearer.js";
import {
  type ApiVersions,
  apiVersionsRequest,
  missingRequest,
  takes,
} from "./protocol/api-versions-request.js";
import type { KafkaRequest } from "./protocol/kafka-request.js";
import type { BrokerAddress } from "./protocol/metadata-request.js";
import { redacted } from "./redacted.js";
import { ResponseFrames } from "./response-frames.js";
import { ResponseTimeout } from "./response-timeout.js";

const KEEP_ALIVE_DELAY = 60_000;
/** The first answer has a few hundred bytes; another protocol's first bytes look like gigabytes. */
const LARGEST_FIRST_ANSWER = 1_000_000;
const TLS_ALERT = 0x15;
const SASL_AUTHENTICATE = 36;

/** Errors of the log-in that are about who logs in, not about the connection. */
const REFUSALS: ReadonlySet<unknown> = new Set([
  "KafkaJSSASLAuthenticationError",
  "SASL_AUTHENTICATION_FAILED",
  "UNSUPPORTED_SASL_MECHANISM",
  "ILLEGAL_SASL_STATE",
]);

const LOST: ReadonlySet<unknown> = new Set([
  "KafkaJSConnectionError",
  "KafkaJSConnectionClosedError",
]);

/** Codes of errors about one side's certificate, as Node and OpenSSL name them. */
const CERTIFICATE = /CERT|UNKNOWN_CA|UNABLE_TO_VERIFY|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE/;

/** The parts of a driver's request queue that are set right or used here. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
  fulfillRequest(response: {
    readonly size: number;
    readonly correlationId: number;
    readonly payload: Buffer;
  }): void;
}

/** The parts of a driver's connection that it shows nobody. */
interface DriverInternals {
  readonly requestQueue: RequestQueue;
  /** Set while an answer to the log-in is awaited. */
  readonly authHandlers: object | null;
  processData(bytes: Buffer): void;
}

/**
 * One connection to one broker, open and logged in; when it breaks, it stays broken.
 *
 * Owns: the socket.
 * Called by: BrokerConnections.
 * Invariants: a request that was sent is answered or rejected; nothing waits for a dead socket.
 */
export class BrokerConnection {
  readonly #address: string;
  readonly #settings: KafkaConnectionSettings;
  readonly #connection: DriverConnection;
  #socket: Socket | undefined;
  #versions: ApiVersions = {};
  /** Why it is of no use any more. */
  #broken: HeadwaterError | undefined;
  readonly #onBroken: () => void;
  readonly #buffers: FetchBuffers;
  readonly #requests = new Abandonable();
  readonly #timeout = new ResponseTimeout();
  /** The last thing that went wrong between socket and requests. */
  #lost: Error | undefined;

  private constructor(
    driver: KafkaDriver,
    settings: KafkaConnectionSettings,
    clientId: string,
    target: BrokerAddress,
    onBroken: () => void,
    buffers: FetchBuffers,
  ) {
    this.#address = target.host.includes(":")
      ? `[${target.host}]:${target.port}`
      : `${target.host}:${target.port}`;
    this.#settings = settings;
    this.#onBroken = onBroken;
    this.#buffers = buffers;
    this.#connection = new driver.Connection({
      ...target,
      clientId,
      ssl: settings.ssl === true ? {} : settings.ssl || null,
      sasl: settings.sasl === undefined ? null : driverSasl(settings.sasl),
      connectionTimeout: settings.connectionTimeout,
      requestTimeout: settings.requestTimeout,
      enforceRequestTimeout: false,
      logger: driver.createLogger({ level: 0, logCreator: () => () => {} }),
      socketFactory: (to) => this.#makeSocket(to),
    });
    onlyCheckWhatIsPending(this.#connection);
    renewSessionsInTime(this.#connection);
    this.#watchRequests();
  }

  /** Connects and logs in. Rejects with CONNECTION_FAILED or KAFKA_AUTHENTICATION_FAILED. */
  static async open(
    driver: KafkaDriver,
    settings: KafkaConnectionSettings,
    clientId: string,
    target: BrokerAddress,
    holder: { onOpening(connection: BrokerConnection): void; onBroken(): void },
    buffers: FetchBuffers,
  ): Promise<BrokerConnection> {
    const onBroken = (): void => holder.onBroken();
    const opened = new BrokerConnection(driver, settings, clientId, target, onBroken, buffers);
    holder.onOpening(opened);
    try {
      await opened.#requests.settles(opened.#handshake());
    } catch (error) {
      const reason = opened.#reasonOf(error, "the handshake");
      opened.destroy(reason);
      throw reason;
    }
    return opened;
  }

  /** Sends a request; `extraTime`: how much longer than requestTimeout its answer may take. */
  async send<T>(request: KafkaRequest<T>, extraTime = 0): Promise<T> {
    if (!takes(this.#versions, request.request)) {
      throw requestFailed(`the request ${request.request.apiName}`, "UNSUPPORTED_VERSION");
    }
    try {
      const requestTimeout = this.#settings.requestTimeout + extraTime;
      return await this.#requests.settles(this.#connection.send({ ...request, requestTimeout }));
    } catch (error) {
      const reason = this.#reasonOf(error, request.request.apiName);
      this.destroy(reason);
      throw reason;
    }
  }

  /** Ends it at once; what is under way is rejected with `reason`. */
  destroy(reason: HeadwaterError): void {
    if (this.#broken === undefined) {
      this.#broken = reason;
      this.#requests.end(reason);
      this.#onBroken();
    }
    // With an error: only then does kafkajs end its timers and reject what it has under way.
    if (this.#socket?.destroyed === false) this.#socket.destroy(new Error("closed by this client"));
  }

  async #handshake(): Promise<void> {
    const connection = this.#connection;
    await connection.connect();
    const versions = await connection.send(apiVersionsRequest());
    const missing = missingRequest(versions);
    if (missing !== undefined) {
      throw connectionFailed(
        `the broker ${this.#address} does not take the request ${missing}`,
        "Headwater needs Kafka 2.3 or later.",
      );
    }
    this.#versions = versions;
    connection.setVersions(versions);
    connection.setSupportAuthenticationProtocol(versions[SASL_AUTHENTICATE] !== undefined);
    await connection.authenticate();
  }

  /**
   * Sees every request, also those of the log-in: which has no answer in time, and what was lost, which
   * kafkajs's log-in calls a refusal.
   */
  #watchRequests(): void {
    const connection = this.#connection;
    const send = connection.send.bind(connection);
    const watchedSend: typeof send = async (request) => {
      this.#timeout.begin(request.requestTimeout ?? this.#settings.requestTimeout);
      try {
        return await send(request);
      } catch (error) {
        if (LOST.has((error as Error).name)) this.#lost = error as Error;
        throw error;
      } finally {
        this.#timeout.end();
      }
    };
    connection.send = watchedSend;
  }

  #makeSocket(to: {
    readonly host: string;
    readonly port: number;
    readonly ssl: unknown;
    readonly onConnect: () => void;
  }): Socket {
    const { host, port, ssl, onConnect } = to;
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const onread = this.#reads();
    // Types know it for plain sockets only.
    const secure = { host, port, ...servername, ...(ssl as object), onread };
    const socket: Socket = ssl
      ? connectTls(secure, onConnect)
      : connectPlain({ host, port, onread }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
    socket.setNoDelay(true);
    // Before kafkajs listens: what it says of a silent socket tells less.
    this.#timeout.watch(socket, (silence) => this.destroy(this.#isSilent(silence)));
    socket.once("error", ({ code = "", message }: NodeJS.ErrnoException) => {
      if (CERTIFICATE.test(code)) this.destroy(certificateRefused(this.#address, code, message));
    });
    // From the broker's end on kafkajs sends nothing more; that the socket has closed is told later.
    for (const gone of ["end", "close"]) socket.once(gone, () => this.destroy(this.#isClosed()));
    this.#socket = socket;
    return socket;
  }

  /** How its socket reads: kafkajs gets whole responses, not pieces to put together. */
  #reads(): OnReadOpts & { buffer: () => Uint8Array } {
    const frames = new ResponseFrames(
      (frame) => this.#received(frame),
      (size) => this.#buffers.take(size),
    );
    let isFirst = true;
    let target = frames.next();
    return {
      buffer: () => {
        target = frames.next();
        return target;
      },
      callback: (count) => {
        const foreign = isFirst ? foreignProtocol(Buffer.from(target.slice(0, count))) : undefined;
        isFirst = false;
        if (foreign !== undefined) this.destroy(this.#isForeign(foreign));
        if (this.#broken !== undefined) return true;
        try {
          frames.read(count);
        } catch (error) {
          this.destroy(this.#reasonOf(error, "reading"));
        }
        return true;
      },
    };
  }

  #received(frame: Buffer): void {
    const { requestQueue, authHandlers, processData } = internalsOf(this.#connection);
    const size = frame.length;
    if (authHandlers !== null) {
      const head = Buffer.alloc(Int32Array.BYTES_PER_ELEMENT);
      head.writeInt32BE(size);
      processData.call(this.#connection, Buffer.concat([head, frame]));
      return;
    }
    const payload = frame.subarray(Int32Array.BYTES_PER_ELEMENT);
    requestQueue.fulfillRequest({ size, correlationId: frame.readInt32BE(0), payload });
  }

  #isForeign(what: string): HeadwaterError {
    return connectionFailed(
      `${this.#address} does not speak Kafka's protocol: ${what}`,
      "Check the port in the option brokers, and whether that port wants the option ssl.",
    );
  }

  #isSilent(silence: number): HeadwaterError {
    return connectionFailed(
      `the broker ${this.#address} has said nothing for ${silence} ms`,
      "It may hang or be overloaded; where it is only slow, raise the option requestTimeout.",
    );
  }

  #isClosed(): HeadwaterError {
    return connectionFailed(
      `the broker ${this.#address} has closed the connection`,
      "It may be stopping. When this comes at once at every start, its port may want the options ssl or sasl, or not speak Kafka's protocol.",
    );
  }

  /** What went wrong, as the client's user reads it. */
  #reasonOf(error: unknown, during: string): HeadwaterError {
    if (error instanceof HeadwaterError) return error;
    // The reason why the socket was destroyed says more than what kafkajs makes of it.
    if (this.#broken !== undefined) return this.#broken;
    const { name, message, type } = (this.#lost ?? error) as Error & { readonly type?: string };
    const text = redacted(message, this.#settings.sasl);
    if (REFUSALS.has(name) || REFUSALS.has(type)) {
      return authenticationFailed(this.#address, text);
    }
    if (name === "KafkaJSConnectionClosedError") return this.#isClosed();
    if (LOST.has(name)) {
      return connectionFailed(
        `no connection to the broker ${this.#address} (${during}): ${text}`,
        "Check the option brokers and that the broker runs; advertised.listeners must be reachable from here.",
      );
    }
    return connectionFailed(
      `${during} with the broker ${this.#address} has failed: ${text}`,
      during === "the handshake"
        ? "Check the option sasl: what gives the token may have failed."
        : "Something between client and broker may change what they send.",
    );
  }
}

/** What speaks, judged by its first bytes; undefined when it may be Kafka. */
function foreignProtocol(bytes: Buffer): string | undefined {
  if (bytes.subarray(0, 4).toString("latin1") === "HTTP") return "it answers as an HTTP server";
  if (bytes[0] === TLS_ALERT && bytes[1] === 3) return "it wants TLS";
  if (bytes.length < 4) return undefined;
  const length = bytes.readInt32BE(0);
  return length < 0 || length > LARGEST_FIRST_ANSWER ? "its first answer is no answer" : undefined;
}

function internalsOf(connection: DriverConnection): DriverInternals {
  return connection as unknown as DriverInternals;
}

/** kafkajs keeps its authenticator in this object. */
function driverSasl(sasl: KafkaSasl): object {
  if (sasl.mechanism !== "oauthbearer") return { ...sasl };
  return { mechanism: sasl.mechanism, authenticationProvider: oauthBearerAuthentication(sasl) };
}

/**
 * kafkajs logs in again 10 s before a session ends, so before each request of a session that is shorter,
 * and a broker takes only one log-in a second.
 */
function renewSessionsInTime(connection: DriverConnection): void {
  let lifetime = connection.sessionLifetime;
  Object.defineProperty(connection, "sessionLifetime", {
    get: () => lifetime,
    set(value: typeof lifetime) {
      lifetime = value;
      // kafkajs adds whole numbers alone.
      const margin = Math.floor(lifetime.toNumber() * 0.15);
      connection.reauthenticationThreshold = Math.min(10_000, margin);
    },
  });
}

/** kafkajs 2.2.4 sets a timer of 1 ms again and again, also while nothing is pending. */
function onlyCheckWhatIsPending(connection: DriverConnection): void {
  const { requestQueue } = internalsOf(connection);
  const schedule = requestQueue.scheduleCheckPendingRequests.bind(requestQueue);
  const scheduleIfPending = (): void => {
    if (requestQueue.pending.length > 0) schedule();
  };
  requestQueue.scheduleCheckPendingRequests = scheduleIfPending;
}
