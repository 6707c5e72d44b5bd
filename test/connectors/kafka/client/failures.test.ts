import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { BrokerConnections } from "../../../../src/connectors/kafka/client/broker-connections.js";
import { connectionFailed } from "../../../../src/connectors/kafka/client/client-errors.js";
import {
  kafkaConnectionSchema,
  parseAddress,
} from "../../../../src/connectors/kafka/client/connection-options.js";
import { FetchBuffers } from "../../../../src/connectors/kafka/client/fetch-buffers.js";
import {
  type KafkaConnectionOptions,
  kafkaClients,
} from "../../../../src/connectors/kafka/client/index.js";
import {
  type DriverConnectionOptions,
  loadKafkaDriver,
} from "../../../../src/connectors/kafka/client/kafkajs-driver.js";
import { apiVersionsRequest } from "../../../../src/connectors/kafka/client/protocol/api-versions-request.js";
import type { BrokerAddress } from "../../../../src/connectors/kafka/client/protocol/metadata-request.js";
import { toErrorInfo } from "../../../../src/errors/index.js";
import { parseOptions } from "../../../../src/options/parse-options.js";
import { SASL_USER } from "../../../support/kafka/kafka-broker.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { makeTopic, uniqueName, useClients } from "./kafka-fixtures.js";

const kafka = useSharedKafka();
const clients = useClients();
const QUICK = { retry: { retries: 1 } };

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
});

async function listening(server: Server): Promise<string> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function failureOf(options: KafkaConnectionOptions): Promise<unknown> {
  const client = await clients(options);
  return client.listTopics().then(
    () => "no failure",
    (error: unknown) => error,
  );
}

describe("where no broker is", () => {
  it("says within seconds which address nobody listens on", async () => {
    const address = await listening(createServer());
    await new Promise((done) => servers.pop()?.close(done));
    const start = performance.now();
    const error = await failureOf({ brokers: address });
    expect(error).toMatchObject({ code: "CONNECTION_FAILED", retry: "backoff" });
    expect(String(error)).toContain(address);
    expect(String(error)).toContain("ECONNREFUSED");
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it("tries the next address when the first one is dead", async () => {
    const dead = await listening(createServer());
    await new Promise((done) => servers.pop()?.close(done));
    const client = await clients({ brokers: [dead, kafka().bootstrap] });
    expect(await client.listTopics()).toBeInstanceOf(Array);
  });

  it("recognizes an HTTP server", async () => {
    const brokers = await listening(createHttpServer((_, response) => response.end()));
    const error = await failureOf({ brokers, ...QUICK });
    expect(error).toMatchObject({ code: "CONNECTION_FAILED" });
    expect(String(error)).toContain("it answers as an HTTP server");
  });

  it("recognizes a port that wants TLS", async () => {
    const alert = Buffer.from([0x15, 3, 3, 0, 2, 2, 70]);
    const brokers = await listening(createServer((socket) => socket.resume().end(alert)));
    expect(String(await failureOf({ brokers, ...QUICK }))).toContain("it wants TLS");
  });

  it("gives up on a server that never answers", async () => {
    const brokers = await listening(
      createServer((socket) => {
        socket.on("error", () => {});
        socket.resume();
      }),
    );
    const error = await failureOf({ brokers, requestTimeout: 300, retry: { retries: 0 } });
    expect(error).toMatchObject({ code: "CONNECTION_FAILED" });
    expect(String(error)).toContain("has said nothing for 300 ms");
  });

  it("says that a connection was closed before the answer", async () => {
    const brokers = await listening(
      createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket.end());
      }),
    );
    expect(String(await failureOf({ brokers, ...QUICK }))).toContain("has closed the connection");
  });

  it("says that TLS does not work with a port in plain text", async () => {
    const error = await failureOf({ brokers: kafka().bootstrap, ssl: true, ...QUICK });
    expect(error).toMatchObject({ code: "CONNECTION_FAILED" });
  });
});

it("does not send over a connection that the broker has ended", async () => {
  const ended: Socket[] = [];
  const brokers = await listening(
    createServer((socket) => {
      ended.push(socket);
      socket.on("data", (bytes) => socket.write(answerTo(bytes, anyVersion())));
    }),
  );
  const sockets: Socket[] = [];
  const driver = await loadKafkaDriver();
  class Connection extends driver.Connection {
    constructor(options: DriverConnectionOptions) {
      const socketFactory: typeof options.socketFactory = (target) => {
        const socket = options.socketFactory(target);
        sockets.push(socket);
        return socket;
      };
      super({ ...options, socketFactory });
    }
  }
  const settings = parseOptions("kafkaClients", kafkaConnectionSchema, { brokers });
  const buffers = new FetchBuffers();
  const connections = new BrokerConnections({ ...driver, Connection }, settings, "test", buffers);
  const ask = () => connections.send(parseAddress(brokers) as BrokerAddress, apiVersionsRequest());
  const versions = await ask();

  // Behind everybody else who listens, and before the socket has closed.
  const asked = new Promise((resolve) => sockets[0]?.once("end", () => resolve(ask())));
  ended[0]?.end();
  expect(await asked).toEqual(versions);
  expect(sockets).toHaveLength(2);
  connections.close(connectionFailed("the test is over", ""));
});

describe("who logs in", () => {
  it("logs in with SASL PLAIN and with SCRAM", async () => {
    for (const mechanism of ["plain", "scram-sha-256"] as const) {
      const client = await clients({
        brokers: kafka().saslBootstrap,
        sasl: { mechanism, ...SASL_USER },
      });
      expect(await client.listTopics()).toBeInstanceOf(Array);
    }
  });

  it("is told once when the password is wrong, and nobody sees it", async () => {
    for (const mechanism of ["plain", "scram-sha-256"] as const) {
      const password = "quite-wrong-password";
      const start = performance.now();
      const error = await failureOf({
        brokers: kafka().saslBootstrap,
        sasl: { mechanism, username: SASL_USER.username, password },
        retry: { retries: 8, initialRetryTime: 10_000, maxRetryTime: 10_000 },
      });
      expect(error).toMatchObject({ code: "KAFKA_AUTHENTICATION_FAILED", retry: "never" });
      expect(performance.now() - start).toBeLessThan(8000);
      expect(inspect(error, { depth: 9 }) + JSON.stringify(toErrorInfo(error))).not.toContain(
        password,
      );
    }
  });

  it("is told that the port does not take the mechanism", async () => {
    const sasl = { mechanism: "scram-sha-512", ...SASL_USER } as const;
    const error = await failureOf({ brokers: kafka().saslBootstrap, sasl, ...QUICK });
    expect(error).toMatchObject({ code: "KAFKA_AUTHENTICATION_FAILED" });
  });

  it("tries again when the log-in was cut off rather than refused", async () => {
    let connections = 0;
    const versions = anyVersion();
    const handshake = Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1, 0, 5]), Buffer.from("PLAIN")]);
    const brokers = await listening(
      createServer((socket) => {
        connections++;
        let requests = 0;
        socket.on("error", () => {});
        socket.on("data", (bytes) => {
          // ApiVersions, then SaslHandshake; the third is the log-in itself.
          const body = [versions, handshake][requests++];
          if (body === undefined) socket.end();
          else socket.write(answerTo(bytes, body));
        });
      }),
    );
    const sasl = { mechanism: "plain", ...SASL_USER } as const;
    const retry = { retries: 2, initialRetryTime: 1 };
    const error = await failureOf({ brokers, sasl, retry });
    expect(error).toMatchObject({ code: "CONNECTION_FAILED" });
    expect(connections).toBe(3);
  });
});

describe("what is refused", () => {
  it("names the topic and the group that this user may not use", async () => {
    const client = await clients({ brokers: kafka().bootstrap });
    await expect(client.refreshMetadata(["not/a/topic"])).rejects.toThrow(
      /not\/a\/topic: INVALID_TOPIC_EXCEPTION/,
    );
    await expect(
      client.commitOffsets(uniqueName("group"), [
        { topic: "client-no-such-topic", partition: 3, offset: 1 },
      ]),
    ).rejects.toThrow(/partition client-no-such-topic-3: UNKNOWN_TOPIC_OR_PARTITION/);
  });

  it("does not commit for a group with members of its own", async () => {
    const { Kafka, logLevel } = await import("kafkajs");
    const topic = await makeTopic(kafka().bootstrap);
    const groupId = uniqueName("group");
    const kafkajs = new Kafka({ brokers: [kafka().bootstrap], logLevel: logLevel.NOTHING });
    const member = kafkajs.consumer({ groupId });
    await member.connect();
    await member.subscribe({ topic });
    const joined = new Promise((resolve) => member.on(member.events.GROUP_JOIN, resolve));
    await member.run({ eachMessage: async () => {} });
    await joined;
    try {
      const client = await clients({ brokers: kafka().bootstrap });
      const error = await client
        .commitOffsets(groupId, [{ topic, partition: 0, offset: 1 }])
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "KAFKA_REQUEST_FAILED" });
      expect(String(error)).toContain("UNKNOWN_MEMBER_ID");
    } finally {
      await member.disconnect();
    }
  });
});

describe("options", () => {
  it("refuses a broker without a port, and never shows a secret", () => {
    expect(() => kafkaClients({ brokers: "localhost" })).toThrow(/kafkaClients\.brokers/);
    const sasl = { mechanism: "plain", username: "u", password: 42 } as never;
    const wrong = () => kafkaClients({ brokers: "h:1", sasl });
    expect(wrong).toThrow(/kafkaClients\.sasl/);
    expect(wrong).not.toThrow(/42/);
  });
});

/** The body of an ApiVersions answer that allows everything. */
function anyVersion(): Buffer {
  const requests = 40;
  const body = Buffer.alloc(6 + requests * 6);
  body.writeInt32BE(requests, 2);
  for (let key = 0; key < requests; key++) {
    body.writeInt16BE(key, 6 + key * 6);
    body.writeInt16BE(11, 10 + key * 6);
  }
  return body;
}

/** An answer with the request's correlation id. */
function answerTo(request: Buffer, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length);
  return Buffer.concat([length, request.subarray(8, 12), body]);
}
