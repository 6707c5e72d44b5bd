import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { machines } from "../../machines/index.js";
import { machineDocuments } from "./machine-docs.js";
import { withMetricTables } from "./metrics-docs.js";

/** Writes docs/machines anew, removes what no machine has any more, and the tables of docs/METRICS.md. */
const directory = join(import.meta.dirname, "../../docs/machines");
const documents = machineDocuments(machines);
await mkdir(directory, { recursive: true });
for (const file of await readdir(directory)) {
  if (!documents.has(file)) await rm(join(directory, file), { recursive: true });
}
for (const [file, text] of documents) await writeFile(join(directory, file), text);
const metrics = join(import.meta.dirname, "../../docs/METRICS.md");
await writeFile(metrics, withMetricTables(await readFile(metrics, "utf8")));
process.stdout.write(`wrote ${documents.size} files to docs/machines\n`);
