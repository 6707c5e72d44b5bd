import { MachineDirectory } from "../../src/inspect/machine-directory.js";
import { RecordEntries } from "../../src/inspect/recording/record-entries.js";
import {
  RECORD_VERSION,
  RECORDED,
  type RecordEntry,
  type RecordHeader,
} from "../../src/inspect/recording/record-format.js";
import type { Life } from "./life.js";

/** The name that every simulated job has. */
const JOB = "simulated";

/**
 * What a run's mailboxes and machines do, as a record that `headwater replay` takes: all lives of the
 * process one after the other, with an `end` after each.
 *
 * Owns: the lines. Called by: lives as they begin and die. Invariants: changes nothing about the run:
 * it looks at no clock that takes time, sets no timer and draws no chance.
 */
export class SimulationRecord {
  readonly #lines: string[] = [];
  #number = 0;

  /** Records a life that begins; what is returned is called when it is over. */
  follow({ system, clock, number, world }: Life): () => void {
    if (this.#number === 0 && this.#lines.length === 0) {
      const header: RecordHeader = {
        kind: "header",
        format: "headwater-record",
        version: RECORD_VERSION,
        release: "simulator",
        job: JOB,
        startedAt: clock.now(),
        part: 0,
        firstLine: 0,
      };
      this.#lines.push(JSON.stringify(header));
    }
    const now = (): number => clock.now();
    const still = { now, relativeTime: now, schedule: () => () => {} };
    const directory = new MachineDirectory(system.machines, still, "");
    const entries = new RecordEntries({
      directory,
      now,
      attachJournal: (journal) => system.attachJournal(journal),
      limits: RECORDED,
      add: (entry) => {
        this.#add(entry);
        return true;
      },
      prefix: `${number}:`,
    });
    return () => {
      entries.detach();
      directory.close();
      const state = world.violations.length === 0 ? `life ${number} is over` : "a rule is broken";
      this.#add({ kind: "end", time: now(), state });
    };
  }

  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }

  #add(entry: RecordEntry): void {
    const { kind, ...rest } = entry;
    this.#lines.push(JSON.stringify({ kind, line: ++this.#number, ...rest }));
  }
}
