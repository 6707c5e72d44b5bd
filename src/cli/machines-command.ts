import { machines } from "../../machines/index.js";
import { HeadwaterError } from "../errors/index.js";
import {
  chartOf,
  type ElkLayout,
  layoutChart,
  machineDefinition,
  statesOf,
  toMermaid,
  toSvg,
} from "../inspect/statechart/index.js";
import { jsonText, table } from "./table.js";

type Machine = (typeof machines)[string];

/** What `headwater machines` was told. */
export interface MachinesArguments {
  readonly format?: "mermaid" | "json" | "svg";
}

/** Lists the machines, or prints one; without a name a format prints all of them, but no image. */
export async function machinesCommand(
  name: string | undefined,
  { format }: MachinesArguments,
): Promise<void> {
  process.stdout.write(`${await machinesText(name, format)}\n`);
}

async function machinesText(
  name: string | undefined,
  format: MachinesArguments["format"],
): Promise<string> {
  if (name !== undefined) return machineText(machineNamed(name), format ?? "mermaid");
  switch (format) {
    case undefined:
      return table([["NAME", "STATES", "WHAT IT IS"], ...Object.entries(machines).map(row)]).join(
        "\n",
      );
    case "json":
      return jsonText(
        Object.fromEntries(
          Object.entries(machines).map(([key, machine]) => [key, machineDefinition(machine)]),
        ),
      );
    case "mermaid":
      return Object.entries(machines)
        .map(([key, machine]) => `---\ntitle: ${key}\n---\n${toMermaid(machine)}`)
        .join("\n\n");
    case "svg":
      throw new HeadwaterError("ILLEGAL_ARGUMENT", "an image shows one machine", {
        domain: "user",
        retry: "never",
        scope: "job",
        hint: `Give its name: ${Object.keys(machines).join(", ")}.`,
      });
  }
}

async function machineText(
  machine: Machine,
  format: NonNullable<MachinesArguments["format"]>,
): Promise<string> {
  if (format === "mermaid") return toMermaid(machine);
  if (format === "json") return jsonText(machineDefinition(machine));
  return toSvg(await layoutChart(chartOf(machine), await loadElk()));
}

/** Loaded on use: it is larger than all the rest. */
async function loadElk(): Promise<ElkLayout> {
  const { default: Elk } = await import("elkjs/lib/elk.bundled.js");
  return new (Elk as unknown as new () => ElkLayout)();
}

function machineNamed(name: string): Machine {
  if (Object.hasOwn(machines, name)) return machines[name] as Machine;
  throw new HeadwaterError("ILLEGAL_ARGUMENT", `there is no machine ${name}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint: `There are ${Object.keys(machines).join(", ")}.`,
  });
}

function row([name, machine]: readonly [string, Machine]): readonly string[] {
  return [name, String(statesOf(machine).length), machine.root.description ?? ""];
}
