import type { AnyStateMachine, AnyStateNode } from "xstate";
import { stateName, statesOf, transitionsOf } from "../../src/inspect/statechart/transitions.js";

/** What is wrong with a machine's definition; empty: nothing. */
export function machineMistakes(machine: AnyStateMachine): string[] {
  const root = machine.root;
  const mistakes = statesOf(machine).flatMap(stateMistakes);
  if (isBlank(root.description)) mistakes.push("the machine has no description");
  if (!root.transitions.has("*")) mistakes.push('the root does not handle "*"');
  const isAction = (name: string): boolean => name in machine.implementations.actions;
  const isGuard = (name: string): boolean => name in machine.implementations.guards;
  for (const { source, event, actions, guard } of transitionsOf(machine)) {
    const where = `${stateName(source)} on ${event}`;
    for (const action of actions.map(withoutParams)) {
      if (!isAction(action)) mistakes.push(`${where}: no action is named ${action}`);
    }
    for (const name of guard.split(/ (?:and|or) |^not /).map(withoutParams)) {
      if (name !== "" && !isGuard(name)) mistakes.push(`${where}: no guard is named ${name}`);
    }
  }
  return mistakes;
}

function stateMistakes(state: AnyStateNode): string[] {
  const name = stateName(state);
  const config = state.config as Readonly<Record<string, unknown>>;
  return [
    ...(isBlank(state.description) ? [`${name} has no description`] : []),
    ...(isBlank(state.meta?.flink) ? [`${name} has no meta.flink`] : []),
    ...["invoke", "after"].flatMap((key) => (key in config ? [`${name} has ${key}`] : [])),
  ];
}

function isBlank(text: unknown): boolean {
  return typeof text !== "string" || text.trim() === "";
}

function withoutParams(name: string): string {
  return name.replace(/\(.*$/, "");
}
