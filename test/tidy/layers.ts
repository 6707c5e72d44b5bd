import { folderOf, type Import } from "./imports.js";

/** What a folder may import: folders, and those of which it may import only types. */
interface Layer {
  readonly values: readonly string[];
  readonly types: readonly string[];
}

const CONNECTOR: Layer = {
  values: ["errors", "options", "serde", "reader", "enumerator", "sink", "files", "net", "sql"],
  types: ["api", "mailbox"],
};

/** The layers of the project, from the lowest to the highest: docs/ARCHITECTURE.md in a table. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  errors: { values: [], types: [] },
  mailbox: { values: ["errors"], types: [] },
  api: { values: [], types: ["errors", "mailbox"] },
  machines: { values: [], types: ["errors", "api"] },
  options: { values: ["errors"], types: ["api"] },
  serde: { values: ["errors"], types: ["api"] },
  metrics: { values: ["errors", "options"], types: ["api"] },
  logging: { values: ["errors"], types: ["api"] },
  state: { values: ["errors", "options", "stream"], types: ["api"] },
  stream: { values: ["errors", "mailbox", "machines", "options"], types: ["api"] },
  eventtime: { values: ["errors", "options"], types: ["api", "mailbox"] },
  sink: { values: ["errors", "options"], types: ["api"] },
  reader: { values: ["errors", "mailbox", "machines", "options", "serde"], types: ["api"] },
  net: { values: ["errors", "mailbox", "machines", "options"], types: ["api"] },
  enumerator: { values: ["errors", "options", "serde"], types: ["api", "reader"] },
  files: {
    values: ["errors", "options", "serde", "reader", "enumerator", "sink"],
    types: ["api", "mailbox"],
  },
  sql: {
    values: ["errors", "options", "serde", "reader", "enumerator", "sink"],
    types: ["api", "mailbox"],
  },
  operator: {
    values: ["errors", "mailbox", "machines", "options", "serde", "eventtime"],
    types: ["api"],
  },
  coordinator: {
    values: ["errors", "mailbox", "machines", "options", "serde", "logging"],
    types: ["api"],
  },
  checkpoint: {
    values: ["errors", "mailbox", "machines", "options", "serde", "state", "logging"],
    types: ["api"],
  },
  inspect: { values: ["errors", "mailbox", "machines", "options"], types: ["api"] },
  runtime: {
    values: [
      "errors",
      "mailbox",
      "inspect",
      "machines",
      "options",
      "serde",
      "metrics",
      "logging",
      "stream",
      "state",
      "eventtime",
      "operator",
      "coordinator",
      "checkpoint",
    ],
    types: ["api"],
  },
  control: { values: ["errors", "mailbox", "inspect", "checkpoint"], types: ["api", "runtime"] },
  cli: {
    values: [
      "errors",
      "mailbox",
      "options",
      "coordinator",
      "checkpoint",
      "runtime",
      "control",
      "machines",
      "inspect",
      "metrics",
      "logging",
    ],
    types: ["api", "inspect"],
  },
  testing: {
    values: [
      "errors",
      "mailbox",
      "options",
      "serde",
      "stream",
      "eventtime",
      "reader",
      "sink",
      "checkpoint",
      "runtime",
    ],
    types: ["api"],
  },
  "src/index.ts": {
    values: [
      "errors",
      "mailbox",
      "serde",
      "stream",
      "state",
      "eventtime",
      "sink",
      "reader",
      "enumerator",
      "files",
      "checkpoint",
      "runtime",
      "connectors",
    ],
    types: ["api"],
  },
};

/** Packages that only these folders may import; any folder may import those of Node. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "fast-check": ["testing"],
  vitest: ["testing"],
  xstate: ["machines", "mailbox", "coordinator", "inspect", "testing"],
  ws: ["inspect"],
  "@statelyai/inspect": ["inspect"],
  immer: ["machines", "state"],
  rxjs: ["stream", "sink", "runtime", "src/connectors/elements", "src/connectors/push"],
  valibot: [
    "metrics",
    "stream",
    "state",
    "options",
    "serde",
    "eventtime",
    "sink",
    "reader",
    "enumerator",
    "files",
    "sql",
    "checkpoint",
    "inspect",
    "runtime",
    "connectors",
    "testing",
  ],
  tinyglobby: ["files"],
  avsc: ["src/connectors/avro", "src/connectors/avro-types.ts", "src/connectors/kafka"],
  "csv-parse": ["src/connectors/csv"],
  "csv-stringify": ["src/connectors/csv"],
  "@aws-sdk/client-s3": ["checkpoint"],
  "better-sqlite3": ["src/connectors/sqlite"],
  hyparquet: ["src/connectors/parquet"],
  "hyparquet-writer": ["src/connectors/parquet"],
  "hyparquet-compressors": ["src/connectors/parquet"],
  "@node-rs/crc32": ["src/connectors/kafka"],
  "aws-crt": ["src/connectors/kafka"],
  "lz4-napi": ["src/connectors/kafka"],
  "@bokuweb/zstd-wasm": ["src/connectors/kafka"],
  kafkajs: ["src/connectors/kafka"],
  pg: ["src/connectors/postgres"],
  "pg-copy-streams": ["src/connectors/postgres"],
  commander: ["cli"],
  jiti: ["cli"],
  "log-update": ["cli"],
  picocolors: ["cli"],
  pino: ["cli"],
  elkjs: ["cli"],
  "prom-client": ["metrics"],
  "@opentelemetry/api": ["metrics"],
};

/** Pure interfaces and machines have no business with Node either. */
const WITHOUT_NODE: readonly string[] = ["api", "machines", "errors", "stream", "eventtime"];

/** The one part of the mailbox whose values a connector needs: a reader says when it is available. */
const AVAILABILITY = "src/mailbox/availability.ts";

/** What is wrong with an import; undefined: nothing. */
export function importMistake(one: Import): string | undefined {
  const from = layerName(one.from);
  const isProject = /^(?:src|machines|test|docs|dist)\//.test(one.to) || one.to.startsWith("..");
  const to = isProject ? layerName(one.to) : one.to;
  const allowed = isProject ? mayImport(one, from, to) : mayUse(from, folderOf(one.from), to);
  if (allowed) return undefined;
  return `${one.from} must not import ${one.isTypeOnly ? "types" : "values"} of ${one.to}`;
}

function mayImport(one: Import, from: string, to: string): boolean {
  if (from === "connectors") return mayConnectorImport(one, to);
  if (from === to) return true;
  if (one.to.startsWith("src/testing/")) return false;
  const layer = LAYERS[from];
  if (layer === undefined) return false;
  return layer.values.includes(to) || (one.isTypeOnly && layer.types.includes(to));
}

/** A connector may use what lies beside the connectors, but not another one. */
function mayConnectorImport(one: Import, to: string): boolean {
  const [from, target] = [folderOf(one.from), folderOf(one.to)];
  if (to === "connectors") {
    if (one.from === "src/connectors/index.ts") return true;
    return from === target || (target === one.to && !target.endsWith("/index.ts"));
  }
  if (one.to === AVAILABILITY) return true;
  return CONNECTOR.values.includes(to) || (one.isTypeOnly && CONNECTOR.types.includes(to));
}

function mayUse(layer: string, folder: string, name: string): boolean {
  if (name.startsWith("node:")) return !WITHOUT_NODE.includes(layer);
  const users = PACKAGES[name];
  return users !== undefined && (users.includes(layer) || users.includes(folder));
}

function layerName(path: string): string {
  const folder = folderOf(path);
  return path.startsWith("src/connectors/") ? "connectors" : folder;
}
