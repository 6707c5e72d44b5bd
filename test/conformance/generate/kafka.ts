import { splitOwner } from "../../../src/connectors/kafka/source/split-owner.js";
import { SeededRandom } from "../../../src/mailbox/random.js";
import type { Json, Script, Step } from "../protocol.js";

type Place = readonly [topic: string, partition: number];

/** What the script knows of the enumerator, so that only what was assigned comes back. */
interface Model {
  readonly known: Set<string>;
  readonly assigned: Set<string>;
}

/** Every partition that scripts know: topics with names of one, two and three bytes a character. */
const PLACES: readonly Place[] = ["t", "orders-é", "a.longer_名"].flatMap((topic) =>
  [0, 1, 2, 3].map((partition): Place => [topic, partition]),
);

/**
 * A random script of the kinds kafkaEnum and fn; the seed is part of its id.
 *
 * It keeps away from where Flink errs: a discovery while another one has no offsets yet, a restored
 * bounded source that finds nothing new, and splits that come back without having been given.
 */
export function generateScript(seed: number): Script {
  const random = new SeededRandom(seed);
  const int = (from: number, to: number): number =>
    from + Math.floor(random.next() * (to - from + 1));
  return seed % 8 === 0 ? functionScript(seed, int) : new KafkaScript(seed, int).make();
}

function functionScript(seed: number, int: (from: number, to: number) => number): Script {
  const letters = ["a", "Z", "9", ".", "_", "-", "é", "ß", "名", "\u0000", "😀"];
  const steps = Array.from({ length: 20 }, (_, i): Step => {
    const topic = Array.from({ length: int(1, 30) }, () => letters[int(0, 10)]).join("");
    const partition = int(0, 1000);
    if (i % 2 === 0) return { op: "kafkaOwner", topic, partition, readers: int(1, 300) };
    const start = int(-3, 4) < 0 ? int(-3, -1) : int(0, Number.MAX_SAFE_INTEGER);
    const stop = [{}, { stop: -1 }, { stop: -3 }, { stop: int(0, 1_000_000) }][int(0, 3)];
    return { op: "kafkaSplitSerde", topic, partition, start, ...stop };
  });
  return { id: `fn-generated-${seed}`, kind: "fn", steps };
}

class KafkaScript {
  readonly #seed: number;
  readonly #int: (from: number, to: number) => number;
  readonly #steps: Step[] = [];
  readonly #config: Json;
  readonly #registered = new Set<number>();
  readonly #checkpoints: Model[] = [];
  #model: Model = { known: new Set(), assigned: new Set() };
  #subscribed: readonly Place[] = [];

  constructor(seed: number, int: (from: number, to: number) => number) {
    this.#seed = seed;
    this.#int = int;
    this.#config = {
      parallelism: int(1, 5),
      discoveryMs: int(0, 3) === 0 ? -1 : 1000,
      bounded: int(0, 1) === 0,
      startOffset: [7, 0, -1, -2, -3][int(0, 4)],
      ...(int(0, 1) === 0 ? {} : { stopOffset: [100, 0, -1, -3][int(0, 3)] }),
    };
  }

  make(): Script {
    const isOnce = this.#config.discoveryMs < 0;
    this.#subscribe(isOnce ? 1 : 0);
    this.#do({ op: "start" });
    if (isOnce) this.#do({ op: "runOneTime" });
    for (let i = this.#int(0, 2); i > 0; i--) this.#register();
    if (isOnce) this.#initialise();
    for (let i = this.#int(5, 40); i > 0; i--) this.#step(isOnce);
    const id = `kafkaEnum-generated-${this.#seed}`;
    return { id, kind: "kafkaEnum", config: this.#config, steps: this.#steps };
  }

  #step(isOnce: boolean): void {
    const reader = this.#int(0, this.#config.parallelism - 1);
    switch (this.#int(0, 9)) {
      case 0:
        this.#subscribe(0);
        return;
      case 1:
      case 2:
      case 3:
        if (isOnce) return;
        this.#do({ op: "runPeriodic" });
        if (this.#changes()) this.#initialise();
        return;
      case 4:
      case 5:
        this.#register();
        return;
      case 6:
        if (this.#registered.delete(reader)) this.#do({ op: "unregister", reader });
        return;
      case 7:
        this.#addBack(reader);
        return;
      case 8:
        this.#checkpoints.push(copy(this.#model));
        this.#do({ op: "snapshot", id: this.#checkpoints.length });
        return;
      default:
        this.#restore(isOnce);
    }
  }

  #subscribe(atLeast: number): void {
    const chosen = PLACES.filter(() => this.#int(0, 2) === 0);
    this.#subscribed = chosen.length < atLeast ? PLACES.slice(0, atLeast) : chosen;
    this.#do({ op: "subscribe", partitions: this.#subscribed });
  }

  #register(): void {
    const reader = this.#int(0, this.#config.parallelism - 1);
    this.#registered.add(reader);
    this.#do({ op: "register", reader });
    this.#assign([reader]);
  }

  #changes(): boolean {
    const { known } = this.#model;
    const subscribed = this.#subscribed.map(String);
    return (
      subscribed.some((id) => !known.has(id)) || [...known].some((id) => !subscribed.includes(id))
    );
  }

  /** Perhaps something happens before the offsets are known. */
  #initialise(): void {
    if (this.#int(0, 3) === 0) this.#register();
    const found = this.#subscribed;
    this.#do({ op: "runOneTime" });
    for (const place of found) this.#model.known.add(String(place));
    this.#assign([...this.#registered]);
  }

  #addBack(reader: number): void {
    const given = PLACES.filter(
      (place) => this.#model.assigned.has(String(place)) && this.#ownerOf(place) === reader,
    );
    if (given.length === 0) return;
    const splits = given.map(([topic, partition]) => [topic, partition, this.#int(0, 99)]);
    for (const place of given) this.#model.assigned.delete(String(place));
    this.#do({ op: "addSplitsBack", reader, splits });
    if (this.#registered.has(reader)) this.#assign([reader]);
  }

  #restore(isOnce: boolean): void {
    const id = this.#int(1, this.#checkpoints.length + 3);
    const checkpoint = this.#checkpoints[id - 1];
    if (isOnce || checkpoint === undefined) return;
    this.#model = copy(checkpoint);
    this.#do({ op: "restore", id });
    this.#do({ op: "start" });
  }

  #assign(readers: readonly number[]): void {
    for (const place of PLACES) {
      const id = String(place);
      if (this.#model.known.has(id) && readers.includes(this.#ownerOf(place))) {
        this.#model.assigned.add(id);
      }
    }
  }

  #ownerOf([topic, partition]: Place): number {
    return splitOwner({ topic, partition }, this.#config.parallelism);
  }

  #do(step: Step): void {
    this.#steps.push(step);
  }
}

function copy({ known, assigned }: Model): Model {
  return { known: new Set(known), assigned: new Set(assigned) };
}
