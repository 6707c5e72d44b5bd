import * as v from "valibot";
import { expecting } from "../options/expecting.js";
import { parseOptions } from "../options/parse-options.js";

/** What an inspector may be told; everything has a default. */
export interface InspectorOptions {
  /** Default: the first free one from 10229 on; 0: any. A given one that is in use is an error. */
  readonly port?: number;
  /** `127.0.0.1`, `::1` or `localhost`; default `127.0.0.1`. Others cannot be reached from elsewhere. */
  readonly host?: string;
  /** Without it in its address nobody gets in; default: none is asked for. */
  readonly token?: string;
  /**
   * Starts the inspector server of `@statelyai/inspect` and sends it everything, on this port (true: 8080);
   * its page comes from the internet. A URL such as `ws://localhost:8080`: one that runs already.
   */
  readonly stately?: boolean | number | string;
  /** Milliseconds between two looks at the job's status; default 400, at least 250. */
  readonly interval?: number;
  /** True: it shows the job's end until it is closed; default false: it closes by itself. */
  readonly stays?: boolean;
  /** Names of fields that are secret, beside `password`, `token` and the like. */
  readonly redact?: readonly string[];
  /** Told of the address, and of what went wrong; default: a line on standard error. */
  readonly announce?: (message: string) => void;
}

/** Checked and complete. */
export interface ParsedInspectorOptions {
  readonly port: number | undefined;
  readonly host: string;
  readonly token: string | undefined;
  readonly stately: number | string | undefined;
  readonly interval: number;
  readonly stays: boolean;
  readonly redact: readonly string[];
  readonly announce: (message: string) => void;
}

/** First port that is tried when none is given. */
export const DEFAULT_PORT = 10_229;
/** What `createInspectorServer` takes by default. */
const STATELY_PORT = 8080;

const LOOPBACK: ReadonlySet<unknown> = new Set(["127.0.0.1", "::1", "localhost"]);

const port = expecting<number>(
  (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535,
  "a port from 0 to 65535",
);
const schema = v.strictObject({
  port: v.optional(port),
  host: v.optional(
    expecting<string>((value) => LOOPBACK.has(value), "127.0.0.1, ::1 or localhost"),
    "127.0.0.1",
  ),
  token: v.optional(
    expecting<string>(
      (value) => typeof value === "string" && /^[\w.~-]{8,200}$/.test(value),
      "8 to 200 letters, digits and . _ ~ -",
    ),
  ),
  stately: v.optional(
    expecting<boolean | number | string>(
      (value) =>
        typeof value === "boolean" ||
        (Number.isInteger(value) && (value as number) > 0 && (value as number) <= 65_535) ||
        (typeof value === "string" && /^wss?:\/\/\S+$/.test(value)),
      "true, a port, or a ws:// URL",
    ),
  ),
  interval: v.optional(
    expecting<number>(
      (value) => typeof value === "number" && value >= 250 && value <= 60_000,
      "250 to 60000 milliseconds",
    ),
    400,
  ),
  stays: v.optional(v.boolean(), false),
  redact: v.optional(v.array(v.string()), []),
  announce: v.optional(v.custom<(message: string) => void>((value) => typeof value === "function")),
});

/** Throws OPTION_INVALID with the path, the value and what was expected. */
export function parseInspectorOptions(options: InspectorOptions = {}): ParsedInspectorOptions {
  const { stately, ...parsed } = parseOptions("inspect", schema, options);
  return {
    port: parsed.port,
    host: parsed.host,
    token: parsed.token,
    stately: stately === true ? STATELY_PORT : stately === false ? undefined : stately,
    interval: parsed.interval,
    stays: parsed.stays,
    redact: parsed.redact,
    announce: parsed.announce ?? sayOnStandardError,
  };
}

function sayOnStandardError(message: string): void {
  process.stderr.write(`${message}\n`);
}
