import { type AnyMachineSnapshot, type AnyStateMachine, createActor } from "xstate";
import { machines } from "../../../machines/index.js";
import { REDACTED } from "../../errors/index.js";
import { activeStates } from "../machine-facts.js";
import { project, unproject } from "../projection.js";
import { RECORDED, type RecordedMachine, type RecordedStep } from "../recording/record-format.js";

/** A machine of a record, as it is at one moment of the replay. */
export interface ReplayedMachine {
  readonly session: string;
  readonly actor: string;
  /** In Headwater's registry; another one is followed, not run. */
  readonly machine: string;
  readonly states: readonly string[];
  readonly status: string;
  /** The last event's type. */
  readonly event?: string;
  /** Its actor has stopped. */
  readonly hasEnded?: true;
  /** As the machine itself has come to it; absent: it is followed as the record has it. */
  readonly snapshot?: AnyMachineSnapshot;
  /** Why it is followed. */
  readonly followed?: string;
  /** Steps of it may be missing: a difference says nothing. */
  readonly isUnsure?: true;
}

/** How a machine has done other than the record says. */
export interface Mismatch {
  readonly recorded: string;
  readonly replayed: string;
  /** Of the event, something was cut off or redacted: that may be why. */
  readonly isCut: boolean;
}

/** What has come of a line. */
export interface Replayed {
  readonly machine: ReplayedMachine;
  readonly mismatch?: Mismatch;
}

/** What a machine hands its transition: nothing that is done reaches anybody. */
type Scope = Parameters<AnyStateMachine["transition"]>[2];

const scopes = new WeakMap<AnyStateMachine, Scope>();

/** A machine begins, or is described as it is: it runs from the recorded state on. */
export function begin(line: RecordedMachine, before: ReplayedMachine | undefined): Replayed {
  const { session, actor, machine: name } = line;
  const recordedStates = activeStates(line.value as never);
  const facts = { session, actor, machine: name, states: recordedStates, status: "active" };
  const machine = Object.hasOwn(machines, name) ? machines[name] : undefined;
  if (machine === undefined) return follow(facts, "this release has no such machine");
  try {
    if (line.isLate !== true) return started(machine, line, facts);
    const snapshot = restored(machine, line);
    const event = before?.event === undefined ? {} : { event: before.event };
    const known = before?.snapshot;
    const now = { machine: { ...facts, ...event, snapshot } };
    if (known === undefined || before?.isUnsure === true || isSame(known, line)) return now;
    return { ...now, mismatch: mismatch(described(line), shown(known), line.context) };
  } catch (error) {
    return refused(facts, line, error);
  }
}

/** A machine takes an event: guards and assignments run, effects do not. */
export function take(machine: ReplayedMachine, line: RecordedStep): Replayed {
  const { states, status } = line;
  const { type } = line.event as { readonly type: string };
  const after = { ...machine, states, status, event: type };
  const { snapshot } = machine;
  if (snapshot === undefined) return { machine: after };
  let mistaken: Mismatch | undefined;
  try {
    const definition = machines[machine.machine] as AnyStateMachine;
    const event = unproject(line.event) as { readonly type: string };
    const next = definition.transition(snapshot, event, scopeOf(definition)) as AnyMachineSnapshot;
    const own = activeStates(next.value);
    if (own.join() === states.join() && next.status === status) {
      return { machine: { ...after, snapshot: next } };
    }
    mistaken = mismatch(stateText(states, status), stateText(own, next.status), line.event);
  } catch (error) {
    mistaken = mismatch(stateText(states, status), failure(error), line.event);
  }
  if (machine.isUnsure === true) return follow(after, "steps of it are missing");
  return { ...follow(after, "it did other than the record says"), mismatch: mistaken };
}

/** The machine of a step whose beginning is not in the record. */
export function unknownMachine(session: string): ReplayedMachine {
  const why = "its beginning is not in the record";
  return { session, actor: `(${session})`, machine: "?", states: [], status: "?", followed: why };
}

function started(
  machine: AnyStateMachine,
  line: RecordedMachine,
  facts: Omit<ReplayedMachine, "snapshot">,
): Replayed {
  const input = line.input === undefined ? undefined : unproject(line.input);
  const snapshot = machine.getInitialSnapshot(scopeOf(machine), input) as AnyMachineSnapshot;
  if (isSame(snapshot, line)) return { machine: { ...facts, snapshot } };
  return {
    machine: { ...facts, snapshot: restored(machine, line) },
    mismatch: mismatch(described(line), shown(snapshot), line.input),
  };
}

function restored(machine: AnyStateMachine, { value, context }: RecordedMachine) {
  const own = unproject(context) as never;
  return machine.resolveState({ value: value as never, context: own }) as AnyMachineSnapshot;
}

function refused(
  facts: Omit<ReplayedMachine, "snapshot">,
  line: RecordedMachine,
  error: unknown,
): Replayed {
  const why = "its recorded state is none of this release";
  return {
    ...follow(facts, why),
    mismatch: mismatch(described(line), failure(error), line.context),
  };
}

function follow({ snapshot: _, ...facts }: ReplayedMachine, followed: string): Replayed {
  return { machine: { ...facts, followed } };
}

function scopeOf(machine: AnyStateMachine): Scope {
  let scope = scopes.get(machine);
  if (scope === undefined) {
    // Never started: it only lends its name.
    const self = createActor(machine, { input: {} } as never);
    self.subscribe({ error: () => {} });
    scope = {
      self,
      id: "",
      sessionId: "",
      system: self.system,
      logger: () => {},
      defer: () => {},
      emit: () => {},
      stopChild: () => {},
      actionExecutor: () => {},
    } as Scope;
    scopes.set(machine, scope);
  }
  return scope;
}

function isSame(own: AnyMachineSnapshot, { value, context }: RecordedMachine): boolean {
  return (
    activeStates(own.value).join() === activeStates(value as never).join() &&
    isSameData(context, project(own.context, RECORDED))
  );
}

/** What was redacted is taken for equal; the order of keys says nothing. */
function isSameData(recorded: unknown, own: unknown): boolean {
  if (recorded === own || recorded === REDACTED) return true;
  if (typeof recorded !== "object" || typeof own !== "object") return false;
  if (recorded === null || own === null) return false;
  const keys = Object.keys(recorded);
  if (keys.length !== Object.keys(own).length) return false;
  type Fields = Readonly<Record<string, unknown>>;
  return keys.every(
    (key) => Object.hasOwn(own, key) && isSameData((recorded as Fields)[key], (own as Fields)[key]),
  );
}

function mismatch(recorded: string, replayed: string, data: unknown): Mismatch {
  return { recorded, replayed, isCut: isIncomplete(data) };
}

const INCOMPLETE =
  /"\[redacted\]|\[redacted\]"|"\$(?:more|cut|deep|cycle|function|symbol|error)":|…\(\d+ more\)/;

function isIncomplete(data: unknown): boolean {
  return INCOMPLETE.test(JSON.stringify(data) ?? "");
}

function described({ value, context }: RecordedMachine): string {
  return `${activeStates(value as never).join(", ")} ${brief(context)}`;
}

function shown({ value, context }: AnyMachineSnapshot): string {
  return `${activeStates(value).join(", ")} ${brief(project(context, RECORDED))}`;
}

function brief(context: unknown): string {
  const text = JSON.stringify(context) ?? "";
  return text.length <= 500 ? text : `${text.slice(0, 500)}…`;
}

function stateText(states: readonly string[], status: string): string {
  return status === "active" ? states.join(", ") : `${states.join(", ")} (${status})`;
}

function failure(error: unknown): string {
  return `it fails: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500);
}
