import { type ChunkOperator, process } from "../../stream/index.js";

type Entry = readonly [text: string, times: number];

/** How often a job has got each record, as its state says: exactly once, whatever fails. */
export class Ledger<T> {
  /** Records that came in, in all attempts. */
  seen = 0;
  readonly #textOf: (record: T) => string;
  readonly #parts = new Map<number, Map<string, number>>();

  constructor(textOf: (record: T) => string) {
    this.#textOf = textOf;
  }

  /** The operator that keeps the state; an attempt begins with what the checkpoint has. */
  keeping(): ChunkOperator<T, T> {
    return process<T, T>({
      name: "keeping",
      create: ({ indexOfSubtask, restoredStates }) => {
        const own = new Map<string, number>();
        for (const [text, times] of (restoredStates as Entry[][]).flat()) add(own, text, times);
        this.#parts.set(indexOfSubtask, own);
        return {
          processRecord: (record, _timestamp, out) => {
            add(own, this.#textOf(record), 1);
            this.seen++;
            out.collect(record);
          },
          snapshotState: () => [...own],
        };
      },
    });
  }

  /** The text of every record, as often as the state has it. */
  get texts(): readonly string[] {
    return [...this.#parts.values()].flatMap((own) =>
      [...own].flatMap(([text, times]) => Array.from({ length: times }, () => text)),
    );
  }
}

function add(own: Map<string, number>, text: string, times: number): void {
  own.set(text, (own.get(text) ?? 0) + times);
}
