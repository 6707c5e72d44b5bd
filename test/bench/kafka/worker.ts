import { createInterface } from "node:readline";
import type { ClientMeasurement, ReadTask } from "./clients/client.js";
import { CLIENTS } from "./clients/index.js";

// node worker.js <client> <task as JSON>: one run for each line of its input
const [name = "", task = "{}"] = process.argv.slice(2);
const client = CLIENTS[name];
if (client === undefined) throw new Error(`there is no client ${name}`);
for await (const _line of createInterface(process.stdin)) {
  const before = process.cpuUsage();
  const measured = await client(JSON.parse(task) as ReadTask);
  const { user, system } = process.cpuUsage(before);
  const withCpu: ClientMeasurement = {
    ...measured,
    values: { ...measured.values, cpuMs: (user + system) / 1000 },
  };
  console.log(JSON.stringify(withCpu));
}
process.exit(0);
