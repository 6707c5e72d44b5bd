import { SeededRandom } from "../../../src/mailbox/random.js";
import type { Json, Script, Step } from "../protocol.js";

class Choice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  below(n: number): number {
    return Math.floor(this.#random.next() * n);
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  some<T>(items: readonly T[], probability: number): T[] {
    return items.filter(() => this.chance(probability));
  }
}

/** The same seed gives the same script; one in four is for the queue, the others for the reader. */
export function generate(seed: number): Script {
  const choice = new Choice(seed);
  return seed % 4 === 0 ? queueScript(seed, choice) : readerScript(seed, choice);
}

/**
 * A pause names only splits that their fetchers have certainly taken: Flink loses it otherwise.
 * Each run takes one task at least, save one that ends a blocked hand-over.
 */
function readerScript(seed: number, choice: Choice): Script {
  const fetcherPerAdd = choice.chance(0.35);
  // A pause that wakes up a waiting putter leaves a stale entry in Flink's queue, which takes a slot
  // away from the other fetchers: with several of them the queue never fills up, or nothing is paused.
  const pauses = !fetcherPerAdd || choice.chance(0.5);
  const config: Json = {
    queue: fetcherPerAdd && pauses ? 1000 : choice.of([1, 1, 2, 2, 3, 10]),
    recordsPerFetch: choice.of([1, 1, 2, 2, 3, 5]),
    separateFinished: choice.chance(0.5),
    fetcherPerAdd,
    pauseSupported: choice.chance(0.85),
    allowUnaligned: choice.chance(0.4),
  };
  const steps: Step[] = [];
  const paused = new Set<string>();
  const splits: { readonly id: string; takenAt: number }[] = [];
  let nextId = 0;
  let runs = 0;
  let pendingTasks = 0;
  let checkpoints = 0;
  let noMoreSplits = false;

  const addSplits = (): void => {
    const added: Json[] = [];
    for (let i = choice.below(4); i > 0 || (added.length === 0 && choice.chance(0.9)); i--) {
      const length = choice.of([0, 1, 2, 3, 4, 5, 7]);
      const id = nextId++;
      const records = Array.from({ length }, (_, index) => id * 100 + index);
      const start = choice.chance(0.15) ? choice.below(4) : 0;
      // Now and then a split that never ends, or that starts at its end.
      const end = choice.chance(0.12) ? undefined : start + length;
      added.push({
        id,
        ...(start > 0 ? { start } : {}),
        ...(end === undefined ? {} : { end }),
        records,
      });
    }
    pendingTasks++;
    for (const { id } of added) splits.push({ id: String(id), takenAt: runs + pendingTasks + 1 });
    steps.push({ op: "addSplits", splits: added });
  };

  const pauseResume = (): void => {
    const taken = splits.filter(({ takenAt }) => takenAt <= runs).map(({ id }) => id);
    const careful = choice.chance(0.9);
    const pause = choice.some(
      taken.filter((id) => !careful || !paused.has(id)),
      0.4,
    );
    const resume = choice
      .some(careful ? [...paused] : taken, 0.5)
      .filter((id) => !pause.includes(id));
    for (const id of pause) paused.add(id);
    for (const id of resume) paused.delete(id);
    pendingTasks++;
    steps.push({
      op: "pauseResume",
      ...(pause.length > 0 ? { pause } : {}),
      ...(resume.length > 0 ? { resume } : {}),
    });
  };

  const poll = (): void => {
    // In Flink a putter that was just woken up races with the poll for the slot.
    const last = steps.findLast(({ op }) => op !== "snapshot" && op !== "noMoreSplits")?.op;
    if (last === "addSplits" || last === "pauseResume") run();
    steps.push({ op: "poll" });
  };

  const run = (): void => {
    runs++;
    pendingTasks = Math.max(0, pendingTasks - 1);
    steps.push({ op: "run" });
  };

  for (let i = 12 + choice.below(28); i > 0; i--) {
    const dice = choice.below(100);
    if (dice < 38) run();
    else if (dice < 76) poll();
    else if (dice < 84) addSplits();
    else if (dice < 92) {
      if (pauses) pauseResume();
      else run();
    } else if (dice < 96) steps.push({ op: "snapshot", id: ++checkpoints });
    else if (!noMoreSplits && i < 16) {
      noMoreSplits = true;
      steps.push({ op: "noMoreSplits" });
    } else if (steps.length === 0) addSplits();
    else run();
  }
  return { id: `reader-${seed}`, kind: "reader", config, steps };
}

/**
 * A wake-up of a waiting putter leaves a stale entry in Flink; the script ends before that entry
 * would take a slot away from another putter.
 */
function queueScript(seed: number, choice: Choice): Script {
  const capacity = choice.of([1, 1, 2, 2, 3, 4]);
  const steps: Step[] = [];
  const flink = new FlinkQueue(capacity);
  for (let i = 8 + choice.below(14); i > 0 && !flink.defect; i--) {
    const dice = choice.below(100);
    const thread = choice.below(3);
    if (dice < 40) {
      steps.push({ op: "put", value: i, thread, name: `p${i}` });
      flink.put(thread);
    } else if (dice < 65) {
      steps.push({ op: "poll" });
      flink.poll();
      if (flink.defect) steps.pop();
    } else if (dice < 75) {
      steps.push({ op: "wakeUpPutting", thread });
      flink.wakeUp(thread);
    } else if (dice < 82) steps.push({ op: "peek" });
    else if (dice < 90) steps.push({ op: "notifyAvailable" });
    else steps.push({ op: "future", name: `f${i}` });
  }
  return { id: `queue-${seed}`, kind: "queue", config: { capacity }, steps };
}

/** How Flink's queue signals, as far as it takes to see its lost wake-up coming. */
class FlinkQueue {
  readonly #capacity: number;
  readonly #notFull: number[] = [];
  readonly #wokenUp = new Set<number>();
  #waiting: number[] = [];
  #size = 0;
  defect = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  put(thread: number): void {
    if (this.#size < this.#capacity) this.#enqueue();
    else if (!this.#wokenUp.delete(thread)) {
      this.#waiting.push(thread);
      this.#notFull.push(thread);
    }
  }

  poll(): void {
    if (this.#size === 0) return;
    if (this.#size-- === this.#capacity) this.#signal();
  }

  wakeUp(thread: number): void {
    const index = this.#waiting.indexOf(thread);
    if (index < 0) this.#wokenUp.add(thread);
    else this.#waiting.splice(index, 1);
  }

  #enqueue(): void {
    if (this.#size++ < this.#capacity - 1) this.#signal();
  }

  #signal(): void {
    const thread = this.#notFull.shift();
    if (thread === undefined) return;
    const index = this.#waiting.indexOf(thread);
    if (index >= 0) {
      // Not the first in line: the stale entry of a thread that waits again.
      if (index > 0) this.defect = true;
      this.#waiting.splice(index, 1);
      this.#enqueue();
    } else if (this.#waiting.length > 0) this.defect = true;
  }
}
