import * as v from "valibot";
import { expecting } from "../../options/expecting.js";

/** Where the server is and who connects; what is absent comes from PGHOST, PGUSER and so on. */
export interface PostgresConnectionOptions {
  /** A name, an address, or the directory of a Unix socket. */
  readonly host?: string;
  readonly port?: number;
  readonly database?: string;
  readonly user?: string;
  /** A function is asked at each connection, for passwords that change. */
  readonly password?: string | (() => string | Promise<string>);
  /** True: TLS with a checked certificate; an object: options of `tls.connect`. */
  readonly ssl?: boolean | Readonly<Record<string, unknown>>;
}

/** `postgres://user:password@host:port/database`, or its parts. */
export type PostgresConnection = string | PostgresConnectionOptions;

const HIDDEN = "(not shown)";

/** Like `expecting`, but the error never shows the value. */
function secret<T>(isValid: (value: unknown) => boolean, expected: string) {
  return v.pipe(
    v.custom<T>(() => true),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!isValid(dataset.value)) addIssue({ expected, input: HIDDEN });
    }),
  );
}

const text = expecting<string>((value) => typeof value === "string" && value !== "", "a text");

const parts = v.strictObject({
  host: v.optional(text),
  port: v.optional(
    expecting<number>(
      (value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) < 65536,
      "a port from 1 to 65535",
    ),
  ),
  database: v.optional(text),
  user: v.optional(text),
  password: v.optional(
    secret<string | (() => string | Promise<string>)>(
      (value) => typeof value === "string" || typeof value === "function",
      "a text, or a function that gives one",
    ),
  ),
  ssl: v.optional(
    secret<boolean | Record<string, unknown>>(
      (value) => typeof value === "boolean" || (typeof value === "object" && value !== null),
      "true, false or options of tls.connect",
    ),
  ),
});

const url = secret<string>(
  (value) => typeof value === "string" && asUrl(value) !== undefined,
  "postgres://user:password@host:port/database",
);

/** The schema of `PostgresConnection`; its errors never show a URL or a password. */
export const connectionSchema = v.lazy((input) =>
  typeof input === "object" && input !== null ? parts : url,
) as unknown as v.GenericSchema<PostgresConnection, PostgresConnection>;

/** `host:port/database as user`: all but the password. */
export function describeConnection(connection: PostgresConnection): string {
  const { host, port, database, user } =
    typeof connection === "string" ? partsOf(connection) : connection;
  const where = `${host ?? process.env.PGHOST ?? "localhost"}:${port ?? process.env.PGPORT ?? 5432}`;
  const who = user ?? process.env.PGUSER;
  const name = database ?? process.env.PGDATABASE ?? who;
  return `${where}${name === undefined ? "" : `/${name}`}${who === undefined ? "" : ` as ${who}`}`;
}

function partsOf(connection: string): PostgresConnectionOptions {
  const { hostname, port, pathname, username } = asUrl(connection) as URL;
  return {
    ...(hostname === "" ? {} : { host: hostname }),
    ...(port === "" ? {} : { port: Number(port) }),
    ...(pathname.length < 2 ? {} : { database: decodeURIComponent(pathname.slice(1)) }),
    ...(username === "" ? {} : { user: decodeURIComponent(username) }),
  };
}

function asUrl(text: string): URL | undefined {
  try {
    const parsed = new URL(text);
    decodeURIComponent(parsed.pathname + parsed.username + parsed.password);
    return /^postgres(?:ql)?:$/.test(parsed.protocol) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
