import type { Sink } from "../../../src/api/sink.js";
import {
  type PostgresSinkOptions,
  postgresSink,
} from "../../../src/connectors/postgres/postgres-sink.js";
import { sinkContext, writeAll } from "../../sql/sink/sink-context.js";
import type { PostgresServer } from "../../support/postgres-server.js";

export type Values = Readonly<Record<string, unknown>>;
let tables = 0;

/** A new table with these columns, and a sink into it. */
export async function sinkTable(
  server: PostgresServer,
  columns: Readonly<Record<string, string>>,
  options: Partial<PostgresSinkOptions<Values>> = {},
) {
  const number = tables++;
  const table = `odd "table" ${number}`;
  const quoted = `"${table.replaceAll('"', '""')}"`;
  const entries = Object.entries(columns).map(([name, type]) => `"${name}" ${type}`);
  await server.query(`CREATE TABLE ${quoted} (${entries.join(", ")})`);
  const sink = postgresSink<Values>({
    connection: server.connection,
    table,
    columns: Object.keys(columns),
    ...options,
  });
  return { number, table, quoted, sink };
}

export async function write(sink: Sink<Values>, records: readonly Values[]): Promise<void> {
  const writer = await sink.createWriter(sinkContext());
  try {
    await writeAll(writer, records);
  } finally {
    await writer.close?.();
  }
}
