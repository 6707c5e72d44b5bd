import type { AnyStateMachine, AnyStateNode } from "xstate";
import { transitionsOf } from "./transitions.js";

/** What Mermaid's state diagrams read as something else than the name of a state. */
export const RESERVED_IDS: ReadonlySet<string> = new Set(
  "accdescr acctitle as choice class classdef click default direction end fork hide href join note scale state statediagram style".split(
    " ",
  ),
);

const ANY_STATE = "any_state";

/** Longer labels leave out the guards, which the transition table has. */
const MAX_LABEL = 80;

/** The machine as a Mermaid `stateDiagram-v2`; transitions that stay in their state are left out. */
export function toMermaid(machine: AnyStateMachine): string {
  const ids = stateIds(machine.root);
  const lines = ["stateDiagram-v2"];
  declare(machine.root, ids, "  ", lines);
  for (const edge of edges(machine, ids)) lines.push(`  ${edge}`);
  return lines.join("\n");
}

/** A unique id of letters, digits and underscores for each state below the root. */
function stateIds(root: AnyStateNode): ReadonlyMap<AnyStateNode, string> {
  const ids = new Map<AnyStateNode, string>();
  const taken = new Set<string>([ANY_STATE]);
  for (const state of descendants(root)) {
    let id = state.path.join("_").replaceAll(/[^A-Za-z0-9_]/g, "_");
    while (taken.has(id) || RESERVED_IDS.has(id.toLowerCase())) id += "_";
    taken.add(id);
    ids.set(state, id);
  }
  return ids;
}

/** Declares all states before the transitions, so that each belongs to its own parent. */
function declare(
  parent: AnyStateNode,
  ids: ReadonlyMap<AnyStateNode, string>,
  indent: string,
  lines: string[],
): void {
  if (parent.type === "compound") {
    for (const state of parent.initial.target) lines.push(`${indent}[*] --> ${ids.get(state)}`);
  }
  Object.values(parent.states).forEach((state, index) => {
    if (parent.type === "parallel" && index > 0) lines.push(`${indent}--`);
    const id = ids.get(state);
    const name = id === state.key ? `${id}` : `"${plain(state.key)}" as ${id}`;
    if (Object.keys(state.states).length === 0) {
      lines.push(`${indent}${id === state.key ? name : `state ${name}`}`);
    } else {
      lines.push(`${indent}state ${name} {`);
      declare(state, ids, `${indent}  `, lines);
      lines.push(`${indent}}`);
    }
    if (state.type === "final") lines.push(`${indent}${id} --> [*]`);
  });
}

/** One line for each pair of states; the events that lead from one to the other are its label. */
function edges(machine: AnyStateMachine, ids: ReadonlyMap<AnyStateNode, string>): string[] {
  const guardsByEdge = new Map<string, Map<string, string[]>>();
  for (const { source, event, guard, targets } of transitionsOf(machine)) {
    for (const target of targets) {
      const edge = `${ids.get(source) ?? ANY_STATE} --> ${ids.get(target)}`;
      const events = guardsByEdge.get(edge) ?? new Map<string, string[]>();
      guardsByEdge.set(edge, events.set(event, [...(events.get(event) ?? []), guard]));
    }
  }
  const lines = [...guardsByEdge].map(([edge, events]) => {
    const full = [...events].map(([event, guards]) => `${event}${choice(guards)}`).join(", ");
    const label = full.length > MAX_LABEL ? [...events.keys()].join(", ") : full;
    return `${edge} : ${plain(label)}`;
  });
  if (lines.some((line) => line.startsWith(`${ANY_STATE} `))) {
    lines.unshift(`state "any state" as ${ANY_STATE}`);
  }
  return lines;
}

function choice(guards: readonly string[]): string {
  return guards.includes("") ? "" : ` [${guards.join(" or ")}]`;
}

/** Text without what ends a Mermaid label or means something in it. */
function plain(text: string): string {
  return text.replaceAll(/[:;#%"{}<>\n]/g, " ").trim();
}

function descendants(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states).flatMap((state) => [state, ...descendants(state)]);
}
