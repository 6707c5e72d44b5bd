import type { AnyStateMachine, AnyStateNode } from "xstate";
import { transitionsOf } from "./transitions.js";

/** A state as it is drawn. */
export interface ChartState {
  /** Its path below the root, joined by dots. */
  readonly path: string;
  readonly name: string;
  readonly description: string | undefined;
  readonly isFinal: boolean;
  readonly isParallel: boolean;
  /** The path of the child where it begins; undefined: none of its own. */
  readonly initial: string | undefined;
  readonly children: readonly ChartState[];
}

/** What leads from one state to another, in one arrow. */
export interface ChartEdge {
  /** The path of a state; empty: any state. */
  readonly source: string;
  readonly target: string;
  /** One for each event, in the machine's order. */
  readonly causes: readonly ChartCause[];
}

/** An event with the guards under which it is taken. */
export interface ChartCause {
  readonly event: string;
  /** Empty: always. */
  readonly guards: readonly string[];
}

/** A machine's states and the ways between them. */
export interface Chart {
  readonly name: string;
  readonly description: string | undefined;
  readonly initial: string | undefined;
  readonly states: readonly ChartState[];
  readonly edges: readonly ChartEdge[];
}

/**
 * What of a machine is drawn: transitions that leave the state as it is are not. A definition in JSON
 * becomes a machine by XState's `createMachine`.
 */
export function chartOf(machine: AnyStateMachine): Chart {
  const { root } = machine;
  return {
    name: machine.id,
    description: root.description,
    initial: initialOf(root),
    states: Object.values(root.states).map(stateOf),
    edges: edgesOf(machine),
  };
}

function stateOf(node: AnyStateNode): ChartState {
  return {
    path: pathOf(node),
    name: node.key,
    description: node.description,
    isFinal: node.type === "final",
    isParallel: node.type === "parallel",
    initial: initialOf(node),
    children: Object.values(node.states).map((child) => stateOf(child as AnyStateNode)),
  };
}

function initialOf(node: AnyStateNode): string | undefined {
  if (node.type !== "compound") return undefined;
  const target = node.initial.target?.[0];
  return target === undefined ? undefined : pathOf(target);
}

function edgesOf(machine: AnyStateMachine): readonly ChartEdge[] {
  const edges = new Map<string, { source: string; target: string; causes: ChartCause[] }>();
  for (const { source, event, guard, targets } of transitionsOf(machine)) {
    for (const target of targets) {
      const [from, to] = [pathOf(source), pathOf(target)];
      const key = JSON.stringify([from, to]);
      const edge = edges.get(key) ?? { source: from, target: to, causes: [] };
      edges.set(key, edge);
      const index = edge.causes.findIndex((cause) => cause.event === event);
      const known = edge.causes[index];
      if (known === undefined) edge.causes.push({ event, guards: guard === "" ? [] : [guard] });
      else if (guard === "" || known.guards.length === 0)
        edge.causes[index] = { event, guards: [] };
      else edge.causes[index] = { event, guards: [...known.guards, guard] };
    }
  }
  return [...edges.values()];
}

function pathOf(node: AnyStateNode): string {
  return node.path.join(".");
}
