import { SeededRandom } from "../../../src/mailbox/random.js";
import type { Json, Script, Step } from "../protocol.js";

type Long = number | "MAX" | "MIN";

/** Draws from a seeded source: the same seed gives the same script. */
class Draw {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  int(from: number, to: number): number {
    return from + Math.floor(this.#random.next() * (to - from + 1));
  }

  of<V>(values: readonly V[]): V {
    return values[this.int(0, values.length - 1)] as V;
  }

  list<V>(from: number, to: number, make: () => V): V[] {
    return Array.from({ length: this.int(from, to) }, make);
  }

  watermark(): Long {
    if (this.chance(0.04)) return "MIN";
    return this.chance(0.08) ? "MAX" : this.int(-10, 60);
  }
}

/**
 * A random script of the kinds operator, multiplexer and idleness; the seed is part of its id.
 *
 * It keeps away from what Flink gets wrong before the first emitNext (a stop with alignment, splits
 * after a stop) and from record attributes there, which Flink sends past the output that emitNext is
 * given. A paused split may finish: Flink then lists it as paused for ever.
 */
export function generateScript(seed: number): Script {
  const draw = new Draw(seed);
  const kind = draw.int(0, 9);
  if (kind === 0) return idlenessScript(seed, draw);
  return kind <= 2 ? multiplexerScript(seed, draw) : new OperatorScript(seed, draw).make();
}

function idlenessScript(seed: number, draw: Draw): Script {
  const idleMs = draw.of([1, 2, 10, 100]);
  const steps = draw.list(5, 40, (): Step => {
    const op = draw.of(["check", "check", "advance", "activity"]);
    if (op !== "advance") return { op };
    return { op, ms: draw.of([0, 1, idleMs - 1, idleMs, idleMs + 1]) };
  });
  return { id: `idleness-generated-${seed}`, kind: "idleness", config: { idleMs }, steps };
}

function multiplexerScript(seed: number, draw: Draw): Script {
  const ids = ["a", "b", "c", "d", "e"].slice(0, draw.int(1, 5));
  const registered = ids.filter(() => draw.chance(0.7)).map((id): Step => ({ op: "register", id }));
  const steps = draw.list(5, 60, (): Step => {
    const op = draw.of([
      ...["register", "unregister", "periodic", "periodic"],
      ...["immediate", "immediate", "immediate", "immediateIdle", "immediateActive"],
      ...["deferred", "deferred", "deferred", "deferredIdle", "deferredActive"],
    ]);
    if (op === "periodic") return { op };
    const id = draw.chance(0.02) ? "unknown" : draw.of(ids);
    return op === "immediate" || op === "deferred" ? { op, id, wm: draw.watermark() } : { op, id };
  });
  return {
    id: `multiplexer-generated-${seed}`,
    kind: "multiplexer",
    steps: [...registered, ...steps],
  };
}

class OperatorScript {
  readonly #seed: number;
  readonly #draw: Draw;
  readonly #config: Json = {};
  readonly #splits: string[] = [];
  readonly #style: "monotone" | "random";
  #time = 0;
  #initialized = false;
  #stopped = false;
  #checkpoint = 0;

  constructor(seed: number, draw: Draw) {
    this.#seed = seed;
    this.#draw = draw;
    this.#style = draw.of(["monotone", "random"]);
    this.#makeConfig();
  }

  make(): Script {
    const draw = this.#draw;
    const restored = draw.chance(0.4) ? this.#newSplits() : [];
    const steps: Step[] = [{ op: "open", ...(restored.length > 0 ? { restored } : {}) }];
    if (draw.chance(0.8)) steps.push({ op: "addSplits", splits: this.#newSplits() });
    const length = draw.int(5, 70);
    while (steps.length < length) steps.push(this.#step());
    return {
      id: `operator-generated-${this.#seed}`,
      kind: "operator",
      config: this.#config,
      steps,
    };
  }

  #makeConfig(): void {
    const draw = this.#draw;
    const config = this.#config;
    const generators = ["none", "punctuated", "odd", "max", "max", "max", "monotonous", "bounded"];
    config.gen = draw.of(generators);
    if (config.gen === "bounded") config.boundedMs = draw.of([0, 3, 20]);
    if (draw.chance(0.6)) config.perSplit = true;
    if (draw.chance(0.3)) config.idleReader = true;
    if (draw.chance(0.5)) {
      const waits = ["WAIT_FOR_INITIAL", "WAIT_UNTIL_ALL_SPLITS_ASSIGNED"];
      config.wait = draw.of([...waits, ...waits, "DO_NOT_WAIT_FOR_SPLITS"]);
    }
    if (draw.chance(0.65)) {
      config.alignment = { group: "g", driftMs: 10, intervalMs: draw.of([20, 30, 100, 1000]) };
    }
    if (draw.chance(0.5)) config.idleMs = draw.of([1, 20, 100, 150]);
    if (draw.chance(0.4)) config.autoWatermarkMs = draw.of([0, 10, 30, 200]);
    if (draw.chance(0.4)) config.batch = true;
    if (draw.chance(0.1)) config.progressive = false;
    if (draw.chance(0.15)) config.reassignOnRecovery = true;
    if (draw.chance(0.2)) config.pauseSupported = false;
    if (draw.chance(0.2)) config.allowUnaligned = true;
    if (draw.chance(0.4)) config.t0 = draw.of([1, 57, 100_000]);
    if (draw.chance(0.1)) Object.assign(config, { subtask: draw.int(0, 6), parallelism: 7 });
  }

  #step(): Step {
    const draw = this.#draw;
    const roll = draw.int(0, 99);
    if (roll < 40) return this.#emitNext();
    if (roll < 58) return { op: "advance", ms: draw.of([0, 1, 10, 20, 50, 99, 100, 101, 150]) };
    if (roll < 70) return { op: "align", max: this.#limit() };
    if (roll < 77 && this.#splits.length > 0) {
      return { op: "addRecord", split: draw.of(this.#splits), value: this.#value() };
    }
    return this.#rareStep(draw.int(0, 19));
  }

  #rareStep(roll: number): Step {
    const draw = this.#draw;
    const afterStopUninitialized = this.#stopped && !this.#initialized;
    if (roll < 5 && !afterStopUninitialized) return { op: "addSplits", splits: this.#newSplits() };
    if (roll < 9) return { op: "backpressure", soft: draw.chance(0.5), start: draw.chance(0.5) };
    if (roll < 10) return { op: "markAvailable" };
    if (roll < 11) return { op: "noMoreSplits" };
    if (roll < 13 && this.#initialized) return { op: "backlog", value: draw.chance(0.5) };
    if (roll < 14) return { op: "sourceEvent" };
    if (roll < 15) return { op: "snapshot", id: ++this.#checkpoint };
    if (roll < 16) return { op: draw.of(["complete", "abort"]), id: this.#checkpoint };
    if (roll < 17 && draw.chance(0.5)) return { op: "finish" };
    const mayStop = this.#initialized || this.#config.alignment === undefined;
    if (roll < 18 && mayStop && draw.chance(0.6)) {
      this.#stopped = true;
      return { op: "stop", mode: draw.of(["DRAIN", "NO_DRAIN"]) };
    }
    if (afterStopUninitialized) return { op: "advance", ms: 10 };
    return this.#emitNext();
  }

  #emitNext(): Step {
    // A stop before the first emitNext leaves the output uninitialized for good.
    if (!this.#stopped) this.#initialized = true;
    return { op: "emitNext" };
  }

  #newSplits(): Json[] {
    return this.#draw.list(1, 3, () => this.#newSplit());
  }

  #newSplit(): Json {
    const draw = this.#draw;
    const id = this.#splits.length + (this.#splits.length > 2 ? 7 : 0);
    this.#splits.push(String(id));
    if (draw.chance(0.05)) return id;
    const start = draw.chance(0.3) ? draw.int(0, 5) : 0;
    const records = draw.list(0, 6, () => this.#value());
    const bounded = draw.chance(0.4);
    return {
      id,
      ...(start > 0 ? { start } : {}),
      ...(bounded ? { end: start + draw.int(0, records.length) } : {}),
      records,
    };
  }

  /** Records that go forward with jitter, or jump about. */
  #value(): number {
    const draw = this.#draw;
    if (this.#style === "random") return draw.int(-5, 60);
    this.#time += draw.int(0, 3);
    return this.#time + draw.int(-8, 2);
  }

  #limit(): Long {
    const draw = this.#draw;
    if (draw.chance(0.05)) return draw.of<Long>(["MAX", "MIN"]);
    return this.#style === "random" ? draw.int(-5, 60) : this.#time - draw.int(-5, 20);
  }
}
