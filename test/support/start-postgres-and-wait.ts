import { dirname } from "node:path";
import { startPostgres } from "./postgres-server.js";

/** Run as a process that starts a server and then does nothing until somebody ends it. */
const server = await startPostgres();
const [row] = await server.query<{ data: string; postmaster: number }>(
  `SELECT current_setting('data_directory') AS data,
     split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS postmaster`,
);
process.stdout.write(
  `${JSON.stringify({ directory: dirname(row?.data ?? ""), postmaster: row?.postmaster })}\n`,
);
setInterval(() => {}, 1000);
