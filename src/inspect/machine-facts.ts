import type { AnyStateMachine, StateValue } from "xstate";
import { machines } from "../../machines/index.js";

/** Larger definitions are no statechart that anybody looks at. */
const MAX_DEFINITION = 256 * 1024;

interface Facts {
  readonly name: string;
  /** JSON as `@statelyai/inspect` writes it. */
  readonly definition: string;
}

const known = new WeakMap<AnyStateMachine, Facts>();

/** The machine's name in Headwater's registry; of another machine its own id. */
export function machineName(machine: AnyStateMachine): string {
  return factsOf(machine).name;
}

/** The machine's configuration as JSON, which `createMachine` takes again; functions are names there. */
export function machineDefinition(machine: AnyStateMachine): string {
  return factsOf(machine).definition;
}

/** The active states, each as its path from the root: `Running.fetching`. */
export function activeStates(value: StateValue): readonly string[] {
  if (typeof value === "string") return [value];
  return Object.entries(value).flatMap(([state, below]) => {
    const paths = below === undefined ? [] : activeStates(below);
    return paths.length === 0 ? [state] : paths.map((path) => `${state}.${path}`);
  });
}

function factsOf(machine: AnyStateMachine): Facts {
  let facts = known.get(machine);
  if (facts === undefined) {
    const registered = Object.entries(machines).find(([, one]) => one === machine)?.[0];
    facts = { name: registered ?? machine.id, definition: definitionOf(machine) };
    known.set(machine, facts);
  }
  return facts;
}

function definitionOf(machine: AnyStateMachine): string {
  try {
    const text = JSON.stringify(machine.config, withNames);
    if (text.length <= MAX_DEFINITION) return text;
  } catch {
    // A configuration with cycles or BigInt: only its id can be shown.
  }
  return JSON.stringify({ id: machine.id });
}

/** As the inspector of Stately shows functions. */
function withNames(_key: string, value: unknown): unknown {
  return typeof value === "function" ? { type: value.name } : value;
}
