import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type KafkaConnectionOptions,
  type KafkaSasl,
  kafkaSink,
  kafkaSource,
  kafkaString,
} from "../../../../src/connectors/kafka/index.js";
import { collection, defineJob, explain, fixedDelayRestart } from "../../../../src/index.js";
import { makeCertificates, type TestCertificates } from "../../../support/kafka/certificates.js";
import {
  type KafkaBroker,
  kafkaSkipReason,
  SASL_USER,
  startKafka,
} from "../../../support/kafka/kafka-broker.js";
import { causeOf, SourceJob } from "./source-jobs.js";
import { Admin, clientOf, numbers, uniqueName, write } from "./source-topics.js";

const why = kafkaSkipReason();
let certificates: TestCertificates;
let cluster: KafkaBroker;

beforeAll(async () => {
  if (why !== undefined) return;
  certificates = await makeCertificates();
  const jaas = (module: string): string => `org.apache.kafka.common.security.${module} required`;
  const listener = "listener.name.secure";
  cluster = await startKafka({
    listeners: { TLS: "SSL", SECURE: "SASL_SSL" },
    properties: {
      ...certificates.brokerProperties,
      [`${listener}.sasl.enabled.mechanisms`]: "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
      [`${listener}.plain.sasl.jaas.config`]: `${jaas("plain.PlainLoginModule")} user_${SASL_USER.username}="${SASL_USER.password}";`,
      [`${listener}.scram-sha-256.sasl.jaas.config`]: `${jaas("scram.ScramLoginModule")};`,
      [`${listener}.scram-sha-512.sasl.jaas.config`]: `${jaas("scram.ScramLoginModule")};`,
      [`${listener}.oauthbearer.sasl.jaas.config`]: `${jaas("oauthbearer.OAuthBearerLoginModule")} unsecuredLoginStringClaim_sub="broker";`,
      // The broker ends what has been logged in for longer.
      [`${listener}.oauthbearer.connections.max.reauth.ms`]: 4000,
      [`${listener}.oauthbearer.sasl.server.callback.handler.class`]:
        "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler",
    },
  });
}, 240_000);
afterAll(async () => {
  await cluster?.stop();
  certificates?.remove();
});
beforeEach(({ skip }) => {
  if (why !== undefined) skip(why);
});

/** A token that is not signed, good for so many seconds. */
function tokenFor(seconds: number): string {
  const part = (json: object): string => Buffer.from(JSON.stringify(json)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: SASL_USER.username, iat: now - 3600, exp: now + seconds };
  return `${part({ alg: "none" })}.${part(claims)}.`;
}

const withToken = (give: () => string): KafkaSasl => ({
  mechanism: "oauthbearer",
  oauthBearerProvider: async () => ({ value: give() }),
});

/** Ways to log in, and ways that are not let in, with what nobody may see. */
const MECHANISMS = {
  plain: {
    right: { mechanism: "plain", ...SASL_USER },
    wrong: { mechanism: "plain", ...SASL_USER, password: "hidden-1" },
  },
  "scram-sha-256": {
    right: { mechanism: "scram-sha-256", ...SASL_USER },
    wrong: { mechanism: "scram-sha-256", ...SASL_USER, password: "hidden-2" },
  },
  "scram-sha-512": {
    right: { mechanism: "scram-sha-512", ...SASL_USER },
    wrong: { mechanism: "scram-sha-512", ...SASL_USER, password: "hidden-3" },
  },
  oauthbearer: { right: withToken(() => tokenFor(3600)), wrong: withToken(() => tokenFor(-1800)) },
} as const satisfies Record<string, { readonly right: KafkaSasl; readonly wrong: KafkaSasl }>;

const names = Object.keys(MECHANISMS) as (keyof typeof MECHANISMS)[];

/** Writes some values with a sink over a connection, and reads them with a source over the same. */
async function throughTopic(connection: KafkaConnectionOptions): Promise<readonly string[]> {
  const topic = await new Admin(cluster.bootstrap).createTopic();
  const writing = defineJob("writing", (env) =>
    env.fromSource(collection(numbers(0, 10))).sinkTo(
      kafkaSink<string>({
        ...connection,
        topic,
        serializer: "string",
        delivery: "exactly-once",
        transactionalIdPrefix: topic,
      }),
    ),
  );
  await (await writing.run()).done;
  const job = await SourceJob.start(sourceOf(connection, { topics: topic, groupId: topic }));
  // The markers of the transaction may come later than the end of the job.
  await job.reach(10);
  await job.handle.cancel();
  return job.records;
}

const sourceOf = (connection: KafkaConnectionOptions, more: object) =>
  kafkaSource<string>({ deserializer: kafkaString(), ...connection, ...more } as never);

/** What a job fails of that may try again as often as it likes, and all that it shows. */
async function failure(connection: KafkaConnectionOptions, code: string) {
  const job = await SourceJob.start(sourceOf(connection, { topics: "t" }), {
    restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 20 }),
  });
  const outcome = await job.failure();
  expect(job.handle.status().restarts).toBe(0);
  const shown =
    explain(outcome) + inspect(outcome, { depth: 20 }) + JSON.stringify(job.handle.status());
  return { error: causeOf(outcome, code), shown };
}

describe("TLS", () => {
  it("carries sources and sinks, to a broker whose authority is trusted", async () => {
    const ssl = { ca: certificates.ca };
    expect(await throughTopic({ brokers: cluster.address("TLS"), ssl })).toEqual(numbers(0, 10));
  });

  it("is not trusted with another authority, nor with those of the machine", async () => {
    for (const ssl of [{ ca: certificates.otherCa }, true] as const) {
      const brokers = cluster.address("TLS");
      const { error } = await failure({ brokers, ssl }, "CONNECTION_FAILED");
      expect(error.message).toContain(`the certificate of ${brokers} is not trusted`);
      expect(error.message).toMatch(/self-signed certificate|unable to verify/);
      expect(error.hint).toContain("ssl: { ca }");
    }
  });

  it("is not trusted under another name than the certificate's", async () => {
    const brokers = cluster.address("TLS").replace("127.0.0.1", "localhost");
    const ssl = { ca: certificates.ca };
    const { error } = await failure({ brokers, ssl }, "CONNECTION_FAILED");
    expect(error.message).toContain(`the certificate of ${brokers} is not trusted`);
    expect(error.message).toContain("altnames");
  });
});

describe("a log-in over TLS", () => {
  it.each(names)(
    "with %s carries sources and sinks",
    async (name) => {
      const ssl = { ca: certificates.ca };
      const connection = { brokers: cluster.address("SECURE"), ssl, sasl: MECHANISMS[name].right };
      expect(await throughTopic(connection)).toEqual(numbers(0, 10));
    },
    60_000,
  );

  it.each(names)(
    "with %s is refused at once, and shows nothing that is secret",
    async (name) => {
      const sasl = MECHANISMS[name].wrong;
      const ssl = { ca: certificates.ca };
      const connection = { brokers: cluster.address("SECURE"), ssl, sasl };
      const { error, shown } = await failure(connection, "KAFKA_AUTHENTICATION_FAILED");
      expect(error.retry).toBe("never");
      const secret = "password" in sasl ? sasl.password : (await sasl.oauthBearerProvider()).value;
      for (const hidden of [secret, Buffer.from(secret).toString("base64")]) {
        expect(shown).not.toContain(hidden);
      }
    },
    60_000,
  );

  it("shows nothing of what a provider of tokens says when it fails", async () => {
    const sasl = withToken(() => {
      throw new Error("the key was hidden-4");
    });
    const job = await SourceJob.start(
      sourceOf(
        { brokers: cluster.address("SECURE"), ssl: { ca: certificates.ca }, sasl },
        { topics: "t" },
      ),
    );
    const shown = inspect(await job.failure(), { depth: 20 });
    expect(shown).not.toContain("hidden-4");
  });

  it("keeps sessions that the broker limits, with a new token each time", async () => {
    const topic = await new Admin(cluster.bootstrap).createTopic();
    let tokens = 0;
    const sasl = withToken(() => {
      tokens++;
      return tokenFor(3600);
    });
    const connection = { brokers: cluster.address("SECURE"), ssl: { ca: certificates.ca }, sasl };
    const job = await SourceJob.start(
      sourceOf(connection, { topics: topic, groupId: uniqueName("sessions") }),
    );
    const client = await clientOf(cluster.bootstrap);
    // By then it has all its connections.
    const connected = 20;
    let first = Number.POSITIVE_INFINITY;
    for (let n = 0; tokens < first + 3; n++) {
      await write(client, { topic, partition: 0 }, [String(n)]);
      await job.reach(n + 1);
      if (n === connected) first = tokens;
    }
    expect(job.records).toEqual(numbers(0, job.records.length));
    expect(job.handle.status().restarts).toBe(0);
  });
});
