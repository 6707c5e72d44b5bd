import { createInterface } from "node:readline";
import type { Script } from "./protocol.js";
import { runScript } from "./run-script.js";

/** Reads scripts from standard input, one a line, and writes a trace for each. */
for await (const line of createInterface({ input: process.stdin })) {
  const text = line.trim();
  if (text === "" || text.startsWith("#") || text.startsWith("//")) continue;
  const trace = await runScript(JSON.parse(text) as Script);
  process.stdout.write(`${JSON.stringify(trace)}\n`);
}
