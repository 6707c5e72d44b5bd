import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { machines } from "../../machines/index.js";
import { machineDocuments } from "./machine-docs.js";

/** Writes docs/machines anew and removes what no machine has any more. */
const directory = join(import.meta.dirname, "../../docs/machines");
const documents = machineDocuments(machines);
await mkdir(directory, { recursive: true });
for (const file of await readdir(directory)) {
  if (!documents.has(file)) await rm(join(directory, file), { recursive: true });
}
for (const [file, text] of documents) await writeFile(join(directory, file), text);
process.stdout.write(`wrote ${documents.size} files to docs/machines\n`);
