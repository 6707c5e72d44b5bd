import * as v from "valibot";
import { expecting } from "../../../options/expecting.js";
import { duration, wholeNumber } from "../../../options/parse-options.js";

/** How to log in; the secrets never appear in errors, logs or state. */
export type KafkaSasl =
  | {
      readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: "oauthbearer";
      /** Asked at each connection, and again before the session ends. */
      readonly oauthBearerProvider: () => Promise<{
        readonly value: string;
        /** What goes with it to the broker (SASL extensions). */
        readonly extensions?: Readonly<Record<string, string>>;
      }>;
    };

/** How often the client itself tries again while leaders, coordinators or brokers move. */
export interface KafkaRetryOptions {
  /** Default 8. */
  readonly retries?: number;
  /** Pause before the first one; each pause is twice the last. Default 50 ms. */
  readonly initialRetryTime?: number | string;
  /** No pause is longer. Default 1 s. */
  readonly maxRetryTime?: number | string;
}

/** Which cluster, and how to reach it: the part that sources and sinks share. */
export interface KafkaConnectionOptions {
  /** `host:port` of one broker or some; the cluster tells the others. */
  readonly brokers: string | readonly string[];
  /** Shown in the brokers' logs and quotas, with the client's name behind it. Default "headwater". */
  readonly clientId?: string;
  /** True: TLS with a checked certificate; an object: options of `tls.connect`. */
  readonly ssl?: boolean | Readonly<Record<string, unknown>>;
  readonly sasl?: KafkaSasl;
  /** How long making a connection may take. Default 3 s. */
  readonly connectionTimeout?: number | string;
  /** How long a broker may take to answer. Default 30 s. */
  readonly requestTimeout?: number | string;
  readonly retry?: KafkaRetryOptions;
}

const HIDDEN = "(not shown)";
const ADDRESS = /^(?:\[([^\]]+)\]|([^:[\]/@\s]+)):(\d{1,5})$/;

const broker = expecting<string>(
  (value) => typeof value === "string" && parseAddress(value) !== undefined,
  '"host:port"',
);
const brokers = v.pipe(
  v.custom<string | readonly string[]>(() => true),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const given = dataset.value;
    const list = typeof given === "string" ? given.split(",").map((one) => one.trim()) : given;
    const isValid = Array.isArray(list) && list.length > 0 && list.every((b) => v.is(broker, b));
    if (isValid) return list as readonly string[];
    addIssue({ expected: '"host:port", or an array of such' });
    return NEVER;
  }),
) as unknown as v.GenericSchema<string | readonly string[], readonly string[]>;

const text = expecting<string>((value) => typeof value === "string" && value !== "", "a text");

/** Like `expecting`, but the error never shows the value. */
export function secret<T>(isValid: (value: unknown) => boolean, expected: string) {
  return v.pipe(
    v.custom<T>(() => true),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!isValid(dataset.value)) addIssue({ expected, input: HIDDEN });
    }),
  ) as unknown as v.GenericSchema<T, T>;
}

const SASL =
  'username and password with the mechanism "plain", "scram-sha-256" or "scram-sha-512", ' +
  'or oauthBearerProvider with "oauthbearer"';

function isSasl(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { mechanism, username, password, oauthBearerProvider, ...others } = value as Record<
    string,
    unknown
  >;
  if (Object.keys(others).length > 0) return false;
  if (mechanism === "oauthbearer") return typeof oauthBearerProvider === "function";
  return (
    ["plain", "scram-sha-256", "scram-sha-512"].includes(mechanism as string) &&
    typeof username === "string" &&
    typeof password === "string"
  );
}

/** The entries of `KafkaConnectionOptions` for the `v.strictObject` of a source or sink. */
export const kafkaConnectionEntries = {
  brokers,
  clientId: v.optional(text, "headwater"),
  ssl: v.optional(
    secret<boolean | Readonly<Record<string, unknown>>>(
      (value) => typeof value === "boolean" || (typeof value === "object" && value !== null),
      "true, false or options of tls.connect",
    ),
    false,
  ),
  sasl: v.optional(secret<KafkaSasl>(isSasl, SASL)),
  connectionTimeout: v.optional(duration(), 3000),
  requestTimeout: v.optional(duration(), 30_000),
  retry: v.optional(
    v.strictObject({
      retries: v.optional(wholeNumber(0), 8),
      initialRetryTime: v.optional(duration(), 50),
      maxRetryTime: v.optional(duration(), 1000),
    }),
    {},
  ),
};

/** The schema of `KafkaConnectionOptions`; its errors never show a secret. */
export const kafkaConnectionSchema = v.strictObject(kafkaConnectionEntries);

/** `KafkaConnectionOptions` with the defaults filled in; times in milliseconds. */
export type KafkaConnectionSettings = v.InferOutput<typeof kafkaConnectionSchema>;

/** The parts of `host:port` or `[address]:port`; undefined when it is none. */
export function parseAddress(
  address: string,
): { readonly host: string; readonly port: number } | undefined {
  const match = ADDRESS.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65535 ? undefined : { host, port };
}
