import type { AnyStateMachine, AnyStateNode } from "xstate";

/** One row of a machine's transition table. */
export interface DocumentedTransition {
  readonly source: AnyStateNode;
  /** The event's type, or `always`. */
  readonly event: string;
  /** Empty: unguarded. */
  readonly guard: string;
  /** Empty: the state does not change. */
  readonly targets: readonly AnyStateNode[];
  readonly reenter: boolean;
  readonly actions: readonly string[];
}

/** A state's name in the documents: its path below the root. */
export function stateName(node: AnyStateNode): string {
  return node.path.length === 0 ? "any state" : node.path.join(".");
}

/** The machine's states without the root, parents before their children. */
export function statesOf(machine: AnyStateMachine): AnyStateNode[] {
  return withDescendants(machine.root).slice(1);
}

/** Every transition of the machine, state by state; those of the root, which any state has, come last. */
export function transitionsOf(machine: AnyStateMachine): DocumentedTransition[] {
  return [...statesOf(machine), machine.root].flatMap(transitionsFrom);
}

function transitionsFrom(node: AnyStateNode): DocumentedTransition[] {
  const rows: DocumentedTransition[] = [];
  const add = (event: string, transitions: readonly AnyTransition[]): void => {
    for (const { guard, target, reenter, actions } of transitions) {
      rows.push({
        source: node,
        event,
        guard: guardName(guard),
        targets: target ?? [],
        reenter,
        actions: actions.map(actionName),
      });
    }
  };
  add("always", node.always ?? []);
  for (const [event, transitions] of node.transitions) add(event, transitions);
  return rows;
}

type AnyTransition = NonNullable<AnyStateNode["always"]>[number];

/** The name of an action with its parameters, such as `refuse(notStarted)`. */
export function actionName(action: unknown): string {
  return named(action, "action");
}

/** The name of a guard; empty: there is none. Combined ones get a name of their parts. */
export function guardName(guard: unknown): string {
  if (guard === undefined) return "";
  if (typeof guard === "function" && "guards" in guard && Array.isArray(guard.guards)) {
    const parts = guard.guards.map(guardName);
    return guard.name === "not" ? `not ${parts[0]}` : parts.join(` ${guard.name} `);
  }
  return named(guard, "guard");
}

function named(value: unknown, kind: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null && "type" in value) {
    const params = "params" in value ? value.params : undefined;
    const shown =
      typeof params === "object" && params !== null ? Object.values(params).join(", ") : "";
    return shown === "" ? String(value.type) : `${String(value.type)}(${shown})`;
  }
  throw new Error(`a machine has an unnamed ${kind}: every one of them needs a name in setup()`);
}

function withDescendants(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(withDescendants)];
}
