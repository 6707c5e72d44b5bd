import type { AnyMachineSnapshot, InspectionEvent } from "xstate";
import type { Cancel, Clock, RunningMachine, RunningMachines } from "../mailbox/index.js";
import { activeStates, machineDefinition, machineName } from "./machine-facts.js";

/** Machines that have stopped and are still remembered: as many as a large job stops at once. */
const MAX_ENDED = 10_000;

/** A machine that runs or has run, as inspectors name it. */
export class MachineRecord {
  /** The address of its actor, or a path below it; another machine may have it later. */
  readonly id: string;
  /** Unique in the directory. */
  readonly sessionId: string;
  /** In Headwater's registry. */
  readonly name: string;
  /** JSON of its configuration. */
  readonly definition: string;
  /** Wall clock, milliseconds. */
  readonly createdAt: number;
  /** The nearest machine above it. */
  readonly parent: MachineRecord | undefined;
  readonly input: unknown;
  states: readonly string[];
  /** Its actor has stopped. */
  hasEnded = false;
  #running: RunningMachine | undefined;
  #last: AnyMachineSnapshot;

  constructor(
    machine: RunningMachine,
    serial: number,
    createdAt: number,
    parent: MachineRecord | undefined,
  ) {
    this.id = machine.id;
    this.sessionId = `x:${serial}`;
    this.name = machineName(machine.definition);
    this.definition = machineDefinition(machine.definition);
    this.createdAt = createdAt;
    this.parent = parent;
    this.input = machine.input;
    this.#running = machine;
    this.#last = machine.snapshot;
    this.states = activeStates(this.#last.value);
  }

  get snapshot(): AnyMachineSnapshot {
    return this.#running?.snapshot ?? this.#last;
  }

  get root(): MachineRecord {
    return this.parent?.root ?? this;
  }

  /** It has done its last step: from now on this is its last snapshot, and nothing of the job is kept. */
  release(): void {
    this.#last = this.snapshot;
    this.states = activeStates(this.#last.value);
    this.#running = undefined;
  }
}

/** Hears of machines that come and go; must not throw. */
export interface DirectoryWatcher {
  started(record: MachineRecord): void;
  ended(record: MachineRecord): void;
  /** An ended one that nobody is to remember any longer. */
  forgotten(record: MachineRecord): void;
}

/**
 * The machines of one job, running ones and the last that have ended.
 *
 * Owns: their records. Called by: the actor system's machines as they start and stop; inspectors.
 * Invariants: every running machine of the job has one record; at most `MAX_ENDED` others have one.
 */
export class MachineDirectory {
  readonly #machines: RunningMachines;
  readonly #clock: Clock;
  readonly #prefix: string;
  readonly #records = new Map<RunningMachine, MachineRecord>();
  readonly #byId = new Map<string, MachineRecord>();
  readonly #ended = new Set<MachineRecord>();
  /** Ended, perhaps within their last step. */
  #ending: RunningMachine[] = [];
  #cancelRelease: Cancel | undefined;
  readonly #watchers = new Set<DirectoryWatcher>();
  readonly #stopWatching: Cancel;
  #serial = 0;

  /** `prefix`: what the ids of the job's machines begin with. */
  constructor(machines: RunningMachines, clock: Clock, prefix: string) {
    this.#machines = machines;
    this.#clock = clock;
    this.#prefix = prefix;
    for (const machine of machines) this.#started(machine);
    this.#stopWatching = machines.watch({
      started: (machine) => this.#started(machine),
      stopped: (machine) => this.#stopped(machine),
    });
  }

  *records(): Iterable<MachineRecord> {
    for (const record of this.#records.values()) if (!record.hasEnded) yield record;
    yield* this.#ended;
  }

  /** The newest of the id. */
  get(id: string): MachineRecord | undefined {
    return this.#byId.get(id);
  }

  watch(watcher: DirectoryWatcher): Cancel {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Sees every event of the job's machines until cancelled; costs time for each of them. */
  observe(observer: (record: MachineRecord, event: InspectionEvent) => void): Cancel {
    return this.#machines.observe((machine, event) => {
      const record = this.#records.get(machine);
      if (record !== undefined) observer(record, event);
    });
  }

  close(): void {
    this.#stopWatching();
    this.#cancelRelease?.();
    this.#release();
  }

  #started(machine: RunningMachine): void {
    if (!machine.id.startsWith(this.#prefix)) return;
    const parent = this.#parentOf(machine.id);
    const record = new MachineRecord(machine, this.#serial++, this.#clock.now(), parent);
    this.#records.set(machine, record);
    this.#byId.set(record.id, record);
    for (const watcher of this.#watchers) watcher.started(record);
  }

  #stopped(machine: RunningMachine): void {
    const record = this.#records.get(machine);
    if (record === undefined) return;
    record.hasEnded = true;
    this.#ended.add(record);
    this.#ending.push(machine);
    this.#cancelRelease ??= this.#clock.schedule(0, () => this.#release());
    for (const watcher of this.#watchers) watcher.ended(record);
    if (this.#ended.size <= MAX_ENDED) return;
    const [oldest] = this.#ended;
    if (oldest !== undefined) this.#forget(oldest);
  }

  #release(): void {
    this.#cancelRelease = undefined;
    for (const machine of this.#ending) {
      this.#records.get(machine)?.release();
      this.#records.delete(machine);
    }
    this.#ending = [];
  }

  #forget(record: MachineRecord): void {
    this.#ended.delete(record);
    if (this.#byId.get(record.id) === record) this.#byId.delete(record.id);
    for (const watcher of this.#watchers) watcher.forgotten(record);
  }

  #parentOf(id: string): MachineRecord | undefined {
    for (let end = id.lastIndexOf("/"); end > 0; end = id.lastIndexOf("/", end - 1)) {
      const above = this.#byId.get(id.slice(0, end));
      if (above !== undefined) return above;
    }
    return undefined;
  }
}
