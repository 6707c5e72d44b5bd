import { SeededRandom } from "../../../src/mailbox/index.js";
import type { Json, Script, Step } from "../protocol.js";

/** What the generator remembers of a coordinator, so that most steps make sense. */
interface Model {
  readonly parallelism: number;
  readonly concurrent: boolean;
  readonly aligned: boolean;
  isStarted: boolean;
  isRestored: boolean;
  /** Flink makes its table of subtasks when it first needs one; before, `noMore` marks nothing. */
  hasTable: boolean;
  /** Attempt that runs, by subtask. */
  readonly attempts: Map<number, number>;
  readonly registered: Set<number>;
}

/**
 * A script of kind coordinator or aggregator: the same seed gives the same script.
 *
 * Most steps follow the life of a job (ready, register, request, checkpoint, fail, reset); some are
 * wild: unknown subtasks, twice the same, before the start. Left out is what has no meaning in
 * Flink: starting twice, restoring twice, two different splits of one id.
 */
export function generateCoordinatorScript(seed: number): Script {
  const random = new SeededRandom(seed);
  const dice = new Dice(random);
  if (dice.chance(0.1)) return aggregatorScript(seed, dice);
  return new CoordinatorScriptGenerator(seed, dice).generate();
}

/** What only a registered reader asks for or is given. */
const REGISTERED_OPS = new Set(["request", "assignOne", "noMore", "intermediateNoMore"]);

/** Rolls. */
class Dice {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  below(n: number): number {
    return Math.floor(this.#random.next() * n);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** One of the names, as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const names = Object.keys(weights) as K[];
    let at = this.#random.next() * names.reduce((sum, name) => sum + weights[name], 0);
    for (const name of names) {
      at -= weights[name];
      if (at < 0) return name;
    }
    return names[0] as K;
  }

  watermark(): number | string {
    if (this.chance(0.12)) return "MAX";
    if (this.chance(0.06)) return "MIN";
    return this.chance(0.05) ? -this.below(5000) : this.below(this.chance(0.5) ? 50 : 10_000);
  }
}

function aggregatorScript(seed: number, dice: Dice): Script {
  const keys = 1 + dice.below(20);
  const steps = Array.from({ length: 5 + dice.below(60) }, () => ({
    op: "agg",
    key: String(dice.below(keys)),
    wm: dice.watermark(),
  }));
  return { id: `ag-gen-${seed}`, kind: "aggregator", config: {}, steps };
}

class CoordinatorScriptGenerator {
  readonly #seed: number;
  readonly #dice: Dice;
  readonly #wild: number;
  readonly #config: Json;
  readonly #models: Model[];
  readonly #steps: Step[] = [];
  readonly #checkpoints: number[] = [];
  /** Split ids are given their content once. */
  readonly #splits = new Map<number, Json>();
  #nextSplit = 0;
  #nextCheckpoint = 1;

  constructor(seed: number, dice: Dice) {
    this.#seed = seed;
    this.#dice = dice;
    this.#wild = dice.pick([0, 0.02, 0.02, 0.1, 0.3]);
    this.#config = this.#makeConfig();
    const configs: Json[] = this.#config.coordinators ?? [this.#config];
    this.#models = configs.map(newModel);
  }

  generate(): Script {
    const length = 8 + this.#dice.below(45);
    while (this.#steps.length < length) this.#step();
    return {
      id: `co-gen-${this.#seed}`,
      kind: "coordinator",
      config: this.#config,
      steps: this.#steps,
    };
  }

  #makeConfig(): Json {
    const dice = this.#dice;
    const shape = dice.weighted({ plain: 4, alignment: 3, concurrent: 2, several: 3 });
    const parallelism = 1 + dice.below(4);
    if (shape === "plain") return dice.chance(0.5) ? {} : { parallelism };
    if (shape === "concurrent") return { parallelism, concurrent: true };
    if (shape === "alignment") {
      return { parallelism, alignment: { group: "g", driftMs: dice.pick([0, 10, 1000]) } };
    }
    const groups = ["g1", "g1", "g2"];
    return {
      coordinators: ["A", "B", "C"].slice(0, 2 + dice.below(2)).map((name) => ({
        name,
        parallelism: 1 + dice.below(3),
        alignment: { group: dice.pick(groups), driftMs: dice.pick([0, 10, 1000]) },
      })),
    };
  }

  #step(): void {
    const dice = this.#dice;
    const c = dice.below(this.#models.length);
    const model = this.#models[c] as Model;
    const at = this.#models.length > 1 ? { c } : {};
    if (!model.isStarted && !dice.chance(this.#wild)) {
      this.#startOrReset(model, at);
      return;
    }
    const readers = model.registered.size > 0 ? 1 : this.#wild;
    const op = dice.weighted({
      join: 16,
      ready: 3 * this.#wild,
      readyAll: 2 * this.#wild,
      register: 4 * this.#wild,
      addNewSplits: 8,
      assignOne: 6 * readers,
      assign: 5 * readers,
      request: 14 * readers,
      sourceEvent: 2,
      report: model.aligned ? 16 : this.#wild,
      announce: model.aligned ? 12 : this.#wild,
      checkpoint: 8,
      complete: 4,
      abort: 1,
      fail: 8,
      attemptFailed: 5 * this.#wild,
      subtaskReset: 5 * this.#wild,
      noMore: model.hasTable ? 2 * readers : 0,
      intermediateNoMore: 2 * readers,
      backlog: 3,
      restore: 3,
      resetToCheckpoint: model.isStarted ? 0.7 : 0,
    });
    this.#add(op, model, at);
  }

  #startOrReset(model: Model, at: Json): void {
    if (!model.isRestored && this.#dice.chance(0.1)) {
      const id = this.#someCheckpoint();
      this.#push({ op: "resetToCheckpoint", id, ...at });
      model.isRestored = this.#checkpoints.includes(id);
      return;
    }
    this.#push({ op: "start", ...at });
    model.isStarted = true;
  }

  #add(op: string, model: Model, at: Json): void {
    const dice = this.#dice;
    const subtask = REGISTERED_OPS.has(op) ? this.#reader(model) : this.#subtask(model);
    switch (op) {
      case "join":
        this.#join(model, at);
        return;
      case "ready": {
        // Flink's own fixture cannot make an attempt of a subtask below 0.
        const ready = Math.max(0, subtask);
        const attempt = this.#attempt(model, ready);
        model.attempts.set(ready, attempt);
        this.#push({ op, subtask: ready, attempt, ...at });
        this.#touch(model);
        return;
      }
      case "readyAll":
        for (let i = 0; i < model.parallelism; i++) {
          if (!model.attempts.has(i)) model.attempts.set(i, 0);
        }
        this.#push({ op, attempt: dice.below(2), ...at });
        this.#touch(model);
        return;
      case "register":
      case "request":
      case "sourceEvent":
        this.#push({ op, subtask, attempt: this.#attempt(model, subtask), ...at });
        if (op === "register") model.registered.add(subtask);
        if (op === "request") this.#touch(model);
        return;
      case "addNewSplits":
        this.#push({ op, splits: this.#newSplits(1 + dice.below(8)), ...at });
        return;
      case "assign":
        this.#push({ op, assignment: this.#assignment(model), ...at });
        return;
      case "report":
        this.#push({
          op,
          subtask: Math.max(0, subtask),
          attempt: this.#attempt(model, subtask),
          wm: dice.watermark(),
          ...at,
        });
        return;
      case "checkpoint":
        this.#checkpoint(at);
        return;
      case "complete":
      case "abort":
        this.#push({ op, id: this.#someCheckpoint(), ...at });
        return;
      case "fail":
        this.#fail(model, subtask, at);
        return;
      case "attemptFailed":
        this.#push({ op, subtask, attempt: this.#attempt(model, subtask), ...at });
        this.#touch(model);
        return;
      case "subtaskReset":
        this.#push({ op, subtask, checkpoint: this.#someCheckpoint(), ...at });
        this.#touch(model);
        return;
      case "backlog":
        this.#push({ op, value: dice.chance(0.6), ...at });
        model.hasTable = true;
        return;
      case "restore":
        this.#restore();
        return;
      case "resetToCheckpoint":
        this.#push({ op, id: this.#someCheckpoint(), ...at });
        return;
      default:
        this.#push({ op, subtask, ...at });
    }
  }

  /** A subtask that does not run, or another attempt of one: ready, then registered. */
  #join(model: Model, at: Json): void {
    const idle = [...Array(model.parallelism).keys()].filter((i) => !model.registered.has(i));
    if (idle.length === 0 && !model.concurrent) return;
    const subtask = idle.length > 0 ? this.#dice.pick(idle) : this.#dice.below(model.parallelism);
    const known = model.attempts.get(subtask);
    const attempt =
      known === undefined ? 0 : idle.length > 0 ? known : known + 1 + this.#dice.below(3);
    // From 16 on the order of a subtask's attempts is that of Java's hash table.
    if (attempt >= 16) return;
    if (known !== attempt) {
      this.#push({ op: "ready", subtask, attempt, ...at });
      this.#touch(model);
    }
    const splits = this.#dice.chance(0.2) ? { splits: this.#newSplits(1) } : {};
    this.#push({ op: "register", subtask, attempt, ...splits, ...at });
    model.attempts.set(subtask, attempt);
    model.registered.add(subtask);
  }

  #fail(model: Model, subtask: number, at: Json): void {
    const attempt = model.attempts.get(subtask);
    if (attempt === undefined) return;
    const checkpoint = this.#dice.chance(0.3) ? -1 : this.#someCheckpoint();
    this.#push({ op: "attemptFailed", subtask, attempt, ...at });
    if (!this.#dice.chance(this.#wild)) {
      this.#push({ op: "subtaskReset", subtask, checkpoint, ...at });
    }
    this.#push({ op: "ready", subtask, attempt: attempt + 1, ...at });
    model.attempts.set(subtask, attempt + 1);
    model.registered.delete(subtask);
    this.#touch(model);
  }

  #checkpoint(at: Json): void {
    const id = this.#dice.chance(0.15) ? -1 : this.#nextCheckpoint++;
    this.#checkpoints.push(id);
    this.#push({ op: "checkpoint", id, ...at });
  }

  #restore(): void {
    this.#push({ op: "restore", id: this.#someCheckpoint() });
    const model = newModel(this.#config);
    model.isRestored = true;
    this.#models[0] = model;
  }

  #assignment(model: Model): Json {
    const assignment: Json = {};
    for (let i = 0; i <= this.#dice.below(3); i++) {
      assignment[String(this.#reader(model))] = this.#newSplits(this.#dice.below(4));
    }
    return assignment;
  }

  #newSplits(count: number): Json[] {
    return Array.from({ length: count }, () => {
      const known = this.#splits.size > 0 && this.#dice.chance(0.08);
      const id = known ? this.#dice.below(this.#nextSplit) : this.#nextSplit;
      if (!known) this.#nextSplit += 1 + (this.#dice.chance(0.1) ? this.#dice.below(50) : 0);
      let split = this.#splits.get(id);
      if (split === undefined) {
        split = this.#dice.chance(0.7)
          ? id
          : {
              id,
              start: this.#dice.below(3),
              ...(this.#dice.chance(0.5) ? { end: 5 + this.#dice.below(5) } : {}),
              records: Array.from({ length: this.#dice.below(4) }, () => this.#dice.below(100)),
            };
        this.#splits.set(id, split);
      }
      return split;
    });
  }

  /** A subtask whose reader is registered, mostly. */
  #reader(model: Model): number {
    const registered = [...model.registered];
    if (registered.length === 0 || this.#dice.chance(this.#wild)) return this.#subtask(model);
    return this.#dice.pick(registered);
  }

  #subtask(model: Model): number {
    if (this.#dice.chance(this.#wild * 0.3)) {
      return this.#dice.pick([-1, model.parallelism, model.parallelism + 1]);
    }
    return this.#dice.below(model.parallelism);
  }

  #attempt(model: Model, subtask: number): number {
    if (this.#dice.chance(this.#wild)) return this.#dice.below(4);
    return model.attempts.get(subtask) ?? 0;
  }

  #someCheckpoint(): number {
    if (this.#checkpoints.length === 0 || this.#dice.chance(this.#wild)) {
      return this.#dice.pick([-1, 0, this.#nextCheckpoint, 99]);
    }
    return this.#dice.pick(this.#checkpoints);
  }

  #touch(model: Model): void {
    if (model.isStarted) model.hasTable = true;
  }

  #push(step: Step): void {
    this.#steps.push(step);
  }
}

function newModel(config: Json): Model {
  return {
    parallelism: config.parallelism ?? 3,
    concurrent: config.concurrent ?? false,
    aligned: config.alignment !== undefined,
    isStarted: false,
    isRestored: false,
    hasTable: false,
    attempts: new Map(),
    registered: new Set(),
  };
}
