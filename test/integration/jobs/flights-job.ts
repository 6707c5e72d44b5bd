/** Runs the flights job from its last checkpoint; ends when it has finished. */
import flights from "../../../docs/examples/01-flights.js";
import { runDefinition } from "../../../src/index.js";

const [directory = "", parallelism = "2"] = process.argv.slice(2);

const handle = await runDefinition(flights, {
  parallelism: Number(parallelism),
  checkpoint: { directory, interval: "100ms" },
  resume: true,
});
await handle.done;
