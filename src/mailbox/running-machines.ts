import type { AnyMachineSnapshot, AnyStateMachine, InspectionEvent } from "xstate";
import type { Address } from "./address.js";
import type { Cancel } from "./ports.js";

/** Sees what every machine does; how an inspector attaches. Costs nothing while undefined. */
export interface InspectionObserver {
  (event: InspectionEvent): void;
  /** Where machines that are given this observer register, so that they can be watched later too. */
  readonly machines?: RunningMachines;
  /** With `machines`: whoever sees every machine from its first moment on. */
  readonly always?: InspectionObserver | undefined;
}

/** One machine that runs, for whoever watches; never for another actor. */
export interface RunningMachine {
  /** The address of its actor, or a path below it. */
  readonly id: string;
  /** As `machines/` has it, without effects. */
  readonly definition: AnyStateMachine;
  readonly input: unknown;
  readonly snapshot: AnyMachineSnapshot;
  /** Sees every event from now on; must not throw. */
  inspect(observer: InspectionObserver): Cancel;
}

/** Hears of machines that start and stop; must not throw. */
export interface MachineWatcher {
  /** Before it takes its first event; its snapshot is the initial one. */
  started(machine: RunningMachine): void;
  stopped(machine: RunningMachine): void;
}

/** Sees what any machine does; one that throws is told of nothing more, and the machine goes on. */
export type MachineObserver = (machine: RunningMachine, event: InspectionEvent) => void;

/**
 * The machines of an actor system.
 *
 * Owns: who runs and who watches. Called by: machine hosts as they start, the actor system as it stops
 * actors, inspectors at any time.
 * Invariants: a machine costs an entry here and nothing for each event while nobody observes; it is
 * forgotten with its actor, or when another one takes its id.
 */
export class RunningMachines implements Iterable<RunningMachine> {
  readonly #machines = new Map<string, RunningMachine>();
  /** Address → ids of machines one and two levels below it. */
  readonly #below = new Map<Address, Set<string>>();
  readonly #watchers = new Set<MachineWatcher>();
  readonly #observers = new Map<MachineObserver, Map<RunningMachine, Cancel>>();

  [Symbol.iterator](): Iterator<RunningMachine> {
    return this.#machines.values();
  }

  get size(): number {
    return this.#machines.size;
  }

  get(id: string): RunningMachine | undefined {
    return this.#machines.get(id);
  }

  /** What machines are given as their observer, so that they register here; `always` sees them all. */
  observer(always?: InspectionObserver): InspectionObserver {
    return Object.assign((event: InspectionEvent) => always?.(event), { machines: this, always });
  }

  add(machine: RunningMachine): void {
    const { id } = machine;
    this.remove(this.#machines.get(id));
    this.#machines.set(id, machine);
    for (const above of addressesAbove(id)) {
      const ids = this.#below.get(above);
      if (ids === undefined) this.#below.set(above, new Set([id]));
      else ids.add(id);
    }
    for (const watcher of this.#watchers) watcher.started(machine);
    for (const [observer, attached] of this.#observers) attach(machine, observer, attached);
  }

  remove(machine: RunningMachine | undefined): void {
    if (machine === undefined || this.#machines.get(machine.id) !== machine) return;
    this.#machines.delete(machine.id);
    for (const above of addressesAbove(machine.id)) {
      const ids = this.#below.get(above);
      ids?.delete(machine.id);
      if (ids?.size === 0) this.#below.delete(above);
    }
    // Not cancelled: an actor may stop within its machine's last step, which is still to be seen.
    for (const attached of this.#observers.values()) attached.delete(machine);
    for (const watcher of this.#watchers) watcher.stopped(machine);
  }

  /** The actor at the address has stopped. */
  actorStopped(self: Address): void {
    this.remove(this.#machines.get(self));
    const below = this.#below.get(self);
    if (below === undefined) return;
    for (const id of [...below]) this.remove(this.#machines.get(id));
  }

  /** Hears of every start and stop from now on. */
  watch(watcher: MachineWatcher): Cancel {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Sees every event of every machine, of those that run and of those to come, until cancelled. */
  observe(observer: MachineObserver): Cancel {
    const attached = new Map<RunningMachine, Cancel>();
    // A function of its own: the same observer may be attached twice.
    let isCancelled = false;
    const own: MachineObserver = (machine, event) => {
      if (!isCancelled) observer(machine, event);
    };
    for (const machine of this.#machines.values()) attach(machine, own, attached);
    this.#observers.set(own, attached);
    return () => {
      isCancelled = true;
      this.#observers.delete(own);
      for (const cancel of attached.values()) cancel();
      attached.clear();
    };
  }
}

function attach(
  machine: RunningMachine,
  observer: MachineObserver,
  attached: Map<RunningMachine, Cancel>,
): void {
  const cancel = machine.inspect((event) => {
    try {
      observer(machine, event);
    } catch (error) {
      cancel();
      process.emitWarning(`an inspector of ${machine.id} failed: ${String(error)}`);
    }
  });
  attached.set(machine, cancel);
}

/** The addresses whose actor a machine may belong to: its id's, but for itself. */
function addressesAbove(id: string): readonly Address[] {
  const end = id.lastIndexOf("/");
  if (end < 0) return [];
  const parent = id.slice(0, end);
  const parentEnd = parent.lastIndexOf("/");
  return parentEnd < 0 ? [parent] : [parent, parent.slice(0, parentEnd)];
}
