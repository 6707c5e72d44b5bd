import type { AnyStateMachine, AnyStateNode } from "xstate";
import { toMermaid } from "../../src/inspect/statechart/mermaid.js";
import {
  actionName,
  type DocumentedTransition,
  stateName,
  statesOf,
  transitionsOf,
} from "../../src/inspect/statechart/transitions.js";

const GENERATED = "<!-- Generated from the machine by `npm run docs`; do not edit. -->";

/** Every file of docs/machines by its name: one for each machine, and the index. */
export function machineDocuments(
  machines: Readonly<Record<string, AnyStateMachine>>,
): ReadonlyMap<string, string> {
  const documents = new Map<string, string>([["README.md", indexDocument(machines)]]);
  for (const [name, machine] of Object.entries(machines)) {
    documents.set(`${name}.md`, machineDocument(name, machine));
  }
  return documents;
}

/** One machine as Markdown: picture, states, transitions, actions. */
export function machineDocument(name: string, machine: AnyStateMachine): string {
  const flink = metaOf(machine.root).flink;
  return document([
    `# ${titleOf(name)}`,
    GENERATED,
    ...(machine.root.description === undefined ? [] : [machine.root.description]),
    `Source: [machines/${name}.machine.ts](../../machines/${name}.machine.ts)${
      flink === undefined ? "" : `. In Flink: ${code(flink)}`
    }.`,
    `\`\`\`mermaid\n${toMermaid(machine)}\n\`\`\``,
    "Events that leave the state as it is are in the table only.",
    "## States",
    statesTable(machine),
    "## Transitions",
    "A state also has the transitions of the states around it; the first row whose guard holds is taken.",
    transitionsTable(machine),
    "## Actions",
    ...actionLists(machine),
  ]);
}

function document(blocks: readonly string[]): string {
  return `${blocks.join("\n\n")}\n`;
}

function indexDocument(machines: Readonly<Record<string, AnyStateMachine>>): string {
  const rows = Object.entries(machines).map(([name, machine]) => [
    `[${titleOf(name)}](${name}.md)`,
    machine.root.description ?? "",
    String(statesOf(machine).length),
    String(transitionsOf(machine).length),
  ]);
  return document([
    "# Machines",
    GENERATED,
    "Every lifecycle of Headwater is a statechart without I/O, timers or promises: effects are named actions that the runtime gives it, and what they bring about comes back as events. States carry the names that Flink gives them.",
    table(["machine", "what it is", "states", "transitions"], rows),
    'The same machines are values: `import { machines } from "headwater/machines"`.',
  ]);
}

function statesTable(machine: AnyStateMachine): string {
  const states = statesOf(machine);
  const others = [...new Set(states.flatMap((state) => Object.keys(metaOf(state))))].filter(
    (key) => key !== "flink",
  );
  const rows = states.map((state) => [
    code(stateName(state)) + (state.type === "final" ? " (final)" : ""),
    state.description ?? "",
    code(metaOf(state).flink ?? ""),
    ...others.map((key) => metaOf(state)[key] ?? ""),
    codes(state.entry.map(actionName)),
    codes(state.exit.map(actionName)),
  ]);
  return table(["state", "description", "in Flink", ...others, "on entry", "on exit"], rows);
}

function transitionsTable(machine: AnyStateMachine): string {
  const rows = transitionsOf(machine).map((transition) => [
    transition.source === machine.root ? "any state" : code(stateName(transition.source)),
    eventOf(transition),
    code(transition.guard),
    targetOf(transition),
    actionsOf(transition),
  ]);
  return table(["state", "event", "guard", "target", "actions"], rows);
}

function eventOf({ event }: DocumentedTransition): string {
  if (event === "always") return "_at once_";
  return event === "*" ? "_any other_" : code(event);
}

function targetOf({ targets, reenter }: DocumentedTransition): string {
  return targets.map((state) => code(stateName(state))).join(", ") + (reenter ? " (anew)" : "");
}

function actionsOf({ targets, actions }: DocumentedTransition): string {
  return targets.length === 0 && actions.length === 0 ? "_ignored_" : codes(actions);
}

function actionLists(machine: AnyStateMachine): string[] {
  const all = Object.entries(machine.implementations.actions as Record<string, unknown>);
  const changes = all.filter(([, action]) => isAssign(action)).map(([name]) => name);
  const effects = all.filter(([, action]) => !isAssign(action)).map(([name]) => name);
  return [
    `Given by the runtime: ${codes(effects) || "none"}.`,
    `Changes of the machine's own context: ${codes(changes) || "none"}.`,
  ];
}

function isAssign(action: unknown): boolean {
  return typeof action === "function" && "type" in action && action.type === "xstate.assign";
}

function metaOf(state: AnyStateNode): Readonly<Record<string, string>> {
  return (state.meta ?? {}) as Readonly<Record<string, string>>;
}

function titleOf(name: string): string {
  const words = name.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A Markdown table as Biome formats it: cells padded to the width of their column. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) =>
    row.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")),
  );
  const widths = header.map((_, column) =>
    Math.max(3, ...cells.map((row) => (row[column] as string).length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] as number)).join(" | ")} |`;
  const [first, ...others] = cells.map(line);
  return [first, line(widths.map((width) => "-".repeat(width))), ...others].join("\n");
}

function codes(names: readonly string[]): string {
  return names.map(code).join(", ");
}

function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}
