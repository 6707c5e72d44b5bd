import { process } from "../../src/index.js";

type Entry = readonly [number: number, times: number];

/** How often a job has got each number, as its state says: exactly once, whatever fails. */
export class Ledger {
  readonly #parts = new Map<number, Map<number, number>>();
  /** Everything that came in, in all attempts. */
  readonly seen: number[] = [];

  /** The operator that keeps the state; an attempt begins with what the checkpoint has. */
  readonly keeping = () =>
    process<number, number>({
      name: "keeping",
      create: ({ indexOfSubtask, restoredStates }) => {
        const own = new Map<number, number>((restoredStates as Entry[][]).flat());
        this.#parts.set(indexOfSubtask, own);
        return {
          processRecord: (record) => {
            own.set(record, (own.get(record) ?? 0) + 1);
            this.seen.push(record);
          },
          snapshotState: () => [...own],
        };
      },
    });

  /** Every number as often as it has been counted, sorted. */
  get numbers(): number[] {
    const all: number[] = [];
    for (const own of this.#parts.values()) {
      for (const [number, times] of own) for (let i = 0; i < times; i++) all.push(number);
    }
    return all.sort((a, b) => a - b);
  }

  /** How many subtasks have got something. */
  get subtasks(): number {
    return [...this.#parts.values()].filter((own) => own.size > 0).length;
  }
}
