import type { AnyStateMachine, AnyStateNode, EventFromLogic, SnapshotFrom } from "xstate";
import { unsupportedOperation } from "../../errors/index.js";

/** Every state node below the root, and the root. */
export function stateNodesOf(machine: AnyStateMachine): AnyStateNode[] {
  const nodes: AnyStateNode[] = [];
  const visit = (node: AnyStateNode): void => {
    nodes.push(node);
    for (const child of Object.values(node.states)) visit(child as AnyStateNode);
  };
  visit(machine.root);
  return nodes;
}

/** Throws UNSUPPORTED_OPERATION for a machine that does something by itself. */
export function checkIsPure(machine: AnyStateMachine): void {
  const nodes = stateNodesOf(machine);
  const invoking = nodes.filter((node) => node.invoke.length > 0).map((node) => node.id);
  const delayed = nodes.filter((node) => node.after.length > 0).map((node) => node.id);
  const found = [
    ...(invoking.length > 0 ? [`invoke in ${invoking.join(", ")}`] : []),
    ...(delayed.length > 0 ? [`after in ${delayed.join(", ")}`] : []),
  ];
  if (found.length === 0) return;
  throw unsupportedOperation(
    `testLifecycle cannot test the machine ${machine.id}: it has ${found.join(" and ")}, so it changes without an event`,
    "Name an action that starts the work or the timer, and send an event when it is done: then the test decides when that is.",
  );
}

/** The alphabet of a machine for which none is given: every type that it names. */
export function eventsOf<M extends AnyStateMachine>(
  machine: M,
): (snapshot: SnapshotFrom<M>) => readonly EventFromLogic<M>[] {
  // `machine.events` leaves out those that a state ignores on purpose.
  const types = new Set(stateNodesOf(machine).flatMap((node) => [...node.transitions.keys()]));
  const events = [...types]
    .filter((type) => !type.includes("*") && !type.startsWith("xstate."))
    .map((type) => ({ type }) as EventFromLogic<M>);
  return () => events;
}
