import type { Cancel, Journal } from "../../mailbox/index.js";
import type { MachineDirectory, MachineRecord } from "../machine-directory.js";
import { activeStates } from "../machine-facts.js";
import { type ProjectionLimits, project } from "../projection.js";
import type { RecordEntry } from "./record-format.js";

/** Machines that are described at once when a file begins; others are before their next step. */
const MAX_AT_ONCE = 1000;

/** What is recorded, and who takes it. */
export interface RecordedSystem {
  readonly directory: MachineDirectory;
  readonly attachJournal: (journal: Journal) => Cancel;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
  readonly limits: ProjectionLimits;
  /** Takes each entry at once; false: it was left out. Must not throw. */
  readonly add: (entry: RecordEntry) => boolean;
  /** Makes session names unique where a record has several systems. */
  readonly prefix?: string;
}

/**
 * What the mailboxes and machines of a job do, as entries of a record.
 *
 * Owns: which machines the reader of the record knows. Called by: mailboxes and machines as they run,
 * synchronously. Invariants: a machine is described before its first step in the record, and again
 * after `describeAgain`.
 */
export class RecordEntries {
  readonly #system: RecordedSystem;
  readonly #detach: readonly Cancel[];
  #described = new WeakSet<MachineRecord>();

  constructor(system: RecordedSystem) {
    this.#system = system;
    const { directory, now, add, limits } = system;
    for (const record of directory.records()) if (!record.hasEnded) this.#describe(record, true);
    this.#detach = [
      directory.watch({
        started: (record) => this.#describe(record, false),
        ended: (record) => {
          add({ kind: "stopped", time: now(), session: this.#session(record) });
        },
        forgotten: () => {},
      }),
      directory.observe((record, event) => {
        if (event.type === "@xstate.event") this.#describe(record, true);
        // Its start is no event: the machine's own line has its first state.
        if (event.type !== "@xstate.snapshot" || event.event.type === "xstate.init") return;
        const { status, value } = record.snapshot;
        add({
          kind: "step",
          time: now(),
          session: this.#session(record),
          event: project(event.event, limits),
          states: activeStates(value),
          status,
        });
      }),
      system.attachJournal({
        record: ({ from, to, epoch, sequence, event }, outcome, time) => {
          const projected = project(event, limits);
          const facts = { time, from, to, epoch, sequence, outcome };
          add({ kind: "envelope", ...facts, event: projected });
        },
      }),
    ];
  }

  /** Every machine is described once more before its next step. */
  describeAgain(): void {
    this.#described = new WeakSet();
  }

  /** Machines that run, as they are now: the first thousand that have not been described. */
  describeRunning(): void {
    let count = 0;
    for (const record of this.#system.directory.records()) {
      if (count >= MAX_AT_ONCE) return;
      if (record.hasEnded) continue;
      this.#describe(record, true);
      count++;
    }
  }

  detach(): void {
    for (const detach of this.#detach) detach();
  }

  #describe(record: MachineRecord, isLate: boolean): void {
    if (this.#described.has(record)) return;
    const { limits, now, add } = this.#system;
    const { value, context } = record.snapshot;
    const isKept = add({
      kind: "machine",
      time: now(),
      session: this.#session(record),
      actor: record.id,
      machine: record.name,
      ...(record.input !== undefined && { input: project(record.input, limits) }),
      value,
      context: project(context, limits),
      ...(isLate && { isLate: true as const }),
    });
    if (isKept) this.#described.add(record);
  }

  #session({ sessionId }: MachineRecord): string {
    return `${this.#system.prefix ?? ""}${sessionId}`;
  }
}
