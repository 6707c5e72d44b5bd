import type { AnyStateMachine, AnyStateNode } from "xstate";
import { actionName, guardName } from "./transitions.js";

/** One transition: targets are ids, actions and guards names; without a target the state stays. */
export interface TransitionDefinition {
  readonly target?: readonly string[];
  readonly guard?: string;
  readonly actions?: readonly (string | { readonly type: string; readonly params: unknown })[];
  readonly reenter?: boolean;
}

/** One state, and a machine: what XState's `createMachine` takes, as plain JSON. */
export interface StateDefinition {
  readonly id: string;
  readonly description?: string;
  readonly type?: "parallel" | "final" | "history";
  readonly history?: "shallow" | "deep";
  readonly initial?: string;
  readonly context?: unknown;
  readonly meta?: unknown;
  readonly entry?: TransitionDefinition["actions"];
  readonly exit?: TransitionDefinition["actions"];
  readonly always?: readonly TransitionDefinition[];
  readonly on?: Readonly<Record<string, readonly TransitionDefinition[]>>;
  readonly states?: Readonly<Record<string, StateDefinition>>;
}

/**
 * A machine as JSON that `createMachine` accepts again, Stately's editor too: the same states and
 * transitions. Actions and guards are names; a combined guard is one name, such as
 * `not allTasksRunning`. A context that is made from an input is left out.
 */
export function machineDefinition(machine: AnyStateMachine): StateDefinition {
  const { context } = machine.config as { readonly context?: unknown };
  return {
    ...stateDefinition(machine.root),
    ...(context === undefined || typeof context === "function" ? {} : { context }),
  };
}

function stateDefinition(node: AnyStateNode): StateDefinition {
  const { description, meta, type } = node;
  const children = Object.entries(node.states);
  const always = (node.always ?? []).map(transitionDefinition);
  const on = [...node.transitions].map(
    ([event, transitions]) => [event, transitions.map(transitionDefinition)] as const,
  );
  const initial = node.initial?.target?.[0]?.key;
  return {
    id: node.id,
    ...(description === undefined ? {} : { description }),
    ...(meta === undefined ? {} : { meta }),
    ...(type === "parallel" || type === "final" || type === "history" ? { type } : {}),
    ...(type === "history" && node.history !== false ? { history: historyOf(node) } : {}),
    ...(type === "compound" && initial !== undefined ? { initial } : {}),
    ...(node.entry.length === 0 ? {} : { entry: node.entry.map(actionDefinition) }),
    ...(node.exit.length === 0 ? {} : { exit: node.exit.map(actionDefinition) }),
    ...(always.length === 0 ? {} : { always }),
    ...(on.length === 0 ? {} : { on: Object.fromEntries(on) }),
    ...(children.length === 0
      ? {}
      : {
          states: Object.fromEntries(
            children.map(([key, child]) => [key, stateDefinition(child as AnyStateNode)]),
          ),
        }),
  };
}

function historyOf(node: AnyStateNode): "shallow" | "deep" {
  return node.history === "deep" ? "deep" : "shallow";
}

type AnyTransition = NonNullable<AnyStateNode["always"]>[number];

function transitionDefinition({
  target,
  guard,
  actions,
  reenter,
}: AnyTransition): TransitionDefinition {
  return {
    ...(target === undefined || target.length === 0
      ? {}
      : { target: target.map(({ id }) => `#${id}`) }),
    ...(guard === undefined ? {} : { guard: guardName(guard) }),
    ...(actions.length === 0 ? {} : { actions: actions.map(actionDefinition) }),
    ...(reenter ? { reenter } : {}),
  };
}

function actionDefinition(action: unknown): string | { type: string; params: unknown } {
  if (typeof action === "object" && action !== null && "params" in action && "type" in action) {
    const { type, params } = action;
    if (params !== undefined) return { type: String(type), params };
  }
  return actionName(action);
}
