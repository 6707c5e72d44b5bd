import * as v from "valibot";
import { expecting } from "../../../options/expecting.js";
import { duration } from "../../../options/parse-options.js";
import { secret } from "../client/connection-options.js";

/** How to log in to the registry; the secrets never appear in errors, logs or state. */
export type RegistryAuth =
  | { readonly username: string; readonly password: string }
  /** A token, or what gives one for each request. */
  | { readonly token: string | (() => string | Promise<string>) };

/** Which schema registry, and how to reach it. */
export interface RegistryConnectionOptions {
  /** Such as "http://registry:8081", or several of one registry: the next is asked when one does not answer. */
  readonly url: string | readonly string[];
  readonly auth?: RegistryAuth;
  /** Options of `tls.connect`, such as `ca`, `cert` and `key`. */
  readonly ssl?: Readonly<Record<string, unknown>>;
  /** How long the registry may take to answer. Default 10 s. */
  readonly requestTimeout?: number | string;
}

/** What becomes of a schema's values. */
export interface RegistryValueOptions {
  /** What 64-bit integers of Avro and Protobuf become; default "number", a bad record beyond ±(2^53 − 1). */
  readonly int64?: "number" | "bigint";
  /** Avro: what `date`, `timestamp-millis` and `timestamp-micros` become; default "date". */
  readonly timestamps?: "date" | "number";
  /** Avro: whether a value of a union is wrapped in an object, see avsc; default "auto". */
  readonly wrapUnions?: "auto" | "always" | "never";
}

const isUrl = (value: unknown): boolean => {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return /^https?:$/.test(protocol) && username === "" && password === "";
};

const isAuth = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false;
  const { username, password, token, ...others } = value as Record<string, unknown>;
  if (Object.keys(others).length > 0) return false;
  if (token === undefined) return typeof username === "string" && typeof password === "string";
  if (username !== undefined || password !== undefined) return false;
  return typeof token === "function" || (typeof token === "string" && /^[\x21-\x7e]+$/.test(token));
};

/** The entries of `RegistryConnectionOptions`. */
export const registryConnectionEntries = {
  // A URL may hold a password.
  url: secret<string | readonly string[]>(
    (value) => isUrl(value) || (Array.isArray(value) && value.length > 0 && value.every(isUrl)),
    'the URL of a schema registry, such as "http://registry:8081", without a user in it',
  ),
  auth: v.optional(secret<RegistryAuth>(isAuth, "{ username, password } or { token }")),
  ssl: v.optional(
    secret<Readonly<Record<string, unknown>>>(
      (value) => typeof value === "object" && value !== null,
      "options of tls.connect",
    ),
  ),
  requestTimeout: v.optional(v.pipe(duration(), v.minValue(1), v.maxValue(2 ** 31 - 1)), 10_000),
};

/** The entries of `RegistryValueOptions`. */
export const registryValueEntries = {
  int64: v.optional(v.picklist(["number", "bigint"]), "number"),
  timestamps: v.optional(v.picklist(["date", "number"]), "date"),
  wrapUnions: v.optional(v.picklist(["auto", "always", "never"]), "auto"),
};

/** `RegistryValueOptions` with their defaults. */
export type ParsedValueOptions = Required<RegistryValueOptions>;

/** An Avro schema. */
export const avroSchema = expecting<string | object>(
  (value) =>
    (typeof value === "string" && value !== "") || (typeof value === "object" && value !== null),
  "a schema, as text or as an object",
);
