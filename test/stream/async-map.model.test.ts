import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AsyncMode } from "../../src/stream/index.js";
import { AsyncMapLab, chunkOf, END } from "./async-map-lab.js";
import type { Element } from "./elements.js";

type Step =
  | { readonly type: "push"; readonly elements: readonly Element<number>[] }
  /** Answers one of the calls that wait. */
  | { readonly type: "answer"; readonly which: number }
  | { readonly type: "checkpoint" };

interface Plan {
  readonly mode: AsyncMode;
  readonly capacity: number;
  readonly steps: readonly Step[];
}

const element: fc.Arbitrary<Element<number>> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Element<number>>({ record: 0, timestamp: 0 }) },
  {
    weight: 1,
    arbitrary: fc.record({
      control: fc.constantFrom("Watermark" as const, "WatermarkStatus" as const),
      value: fc.constant(0),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ control: fc.constant("BadRecord" as const), value: fc.constant(0) }),
  },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("push" as const),
      elements: fc.array(element, { maxLength: 6 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant("answer" as const), which: fc.nat(20) }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "checkpoint" as const }) },
);

const plan: fc.Arbitrary<Plan> = fc.record({
  mode: fc.constantFrom<AsyncMode>("ordered", "unordered"),
  capacity: fc.integer({ min: 1, max: 6 }),
  steps: fc.array(step, { maxLength: 40 }),
});

/** One run of a plan from its state at a checkpoint, or from none. */
class Run {
  readonly lab: AsyncMapLab;
  readonly pushed: Element<number>[] = [];
  /** By checkpoint: what had been pushed and what had come out. */
  readonly cuts = new Map<number, { readonly pushed: number; readonly out: number }>();
  readonly #capacity: number;
  #credits = 0;
  #next = 0;
  readonly #answered = new Set<number>();

  constructor({ mode, capacity }: Plan, next = 0, restored: readonly unknown[] = []) {
    this.#capacity = capacity;
    this.#next = next;
    this.lab = new AsyncMapLab({ mode, capacity }, restored);
  }

  async play(steps: readonly Step[]): Promise<void> {
    let checkpointId = 0;
    for (const one of steps) {
      if (one.type === "push") this.#push(one.elements.map((given) => this.#numbered(given)));
      else if (one.type === "answer") await this.#answer(one.which);
      else {
        this.#push([{ control: "Barrier", value: ++checkpointId }]);
        const out = this.lab.out.findIndex(
          (o) => "control" in o && o.control === "Barrier" && o.value === checkpointId,
        );
        this.cuts.set(checkpointId, { pushed: this.pushed.length, out });
      }
      expect(this.#waiting.length).toBeLessThanOrEqual(this.#capacity);
      expect(this.lab.creditsOut).toBeLessThanOrEqual(this.#credits);
    }
  }

  /** Everything is answered and the data ends. */
  async end(): Promise<void> {
    this.#push([END]);
    this.lab.input.complete();
    while (this.#waiting.length > 0) await this.#answer(0);
    expect(this.lab.isComplete).toBe(true);
    expect(this.lab.creditsOut).toBe(this.#credits);
  }

  get #waiting() {
    return this.lab.calls.filter(({ record }) => !this.#answered.has(record));
  }

  #numbered(given: Element<number>): Element<number> {
    const n = ++this.#next;
    return "record" in given
      ? { record: n, timestamp: n }
      : { ...given, value: given.control === "WatermarkStatus" ? n % 2 : n };
  }

  #push(elements: readonly Element<number>[]): void {
    // An operator before may give several credits with a chunk, or none.
    const credits = this.pushed.length % 3;
    this.#credits += credits;
    this.pushed.push(...elements);
    this.lab.input.next(chunkOf(elements, credits));
  }

  async #answer(which: number): Promise<void> {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    const { record } = waiting[which % waiting.length] as { readonly record: number };
    this.#answered.add(record);
    this.lab.call(record).resolve(`r${record}`);
    await this.lab.settle();
  }
}

const isResult = (one: Element<unknown>): boolean => "record" in one;
const keepsItsPlace = (one: Element<unknown>): boolean =>
  "record" in one || (one.control !== "Barrier" && one.control !== "BadRecord");
const expected = (one: Element<unknown>): Element<unknown> =>
  "record" in one ? { ...one, record: `r${one.record}` } : one;
const byTime = (a: Element<unknown>, b: Element<unknown>): number =>
  Number("timestamp" in a && a.timestamp) - Number("timestamp" in b && b.timestamp);

/** The elements with the records between two controls in the order of their timestamps. */
function sortedBetweenControls(elements: readonly Element<unknown>[]): Element<unknown>[] {
  const sorted: Element<unknown>[] = [];
  let segment: Element<unknown>[] = [];
  for (const one of elements) {
    if (isResult(one)) segment.push(one);
    else {
      sorted.push(...segment.sort(byTime), one);
      segment = [];
    }
  }
  return [...sorted, ...segment.sort(byTime)];
}

const inMode = (mode: AsyncMode, elements: readonly Element<unknown>[]): Element<unknown>[] =>
  mode === "ordered" ? [...elements] : sortedBetweenControls(elements);

describe("asyncMap, whatever comes in whatever order", () => {
  it("gives every result once, in its place, and every credit back", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const run = new Run(given);
        await run.play(given.steps);
        await run.end();
        const out = run.lab.out.filter(keepsItsPlace);
        const input = run.pushed.filter(keepsItsPlace).map(expected);
        expect(inMode(given.mode, out)).toEqual(inMode(given.mode, input));
        const others = (all: readonly Element<unknown>[]) =>
          all.filter((one) => !keepsItsPlace(one)).map((one) => JSON.stringify(one));
        expect(others(run.lab.out).sort()).toEqual(others(run.pushed).sort());
      }),
      { numRuns: 300 },
    );
  });

  it("has at each barrier exactly what has not come out before it, and goes on from there", async () => {
    await fc.assert(
      fc.asyncProperty(plan, plan, async (given, { steps }) => {
        const first = new Run(given);
        await first.play(given.steps);
        for (const { checkpointId, state } of first.lab.acknowledged) {
          const cut = first.cuts.get(checkpointId);
          if (cut === undefined) continue;
          const before = first.lab.out.slice(0, cut.out).filter(isResult);
          const restored = new Run(given, 1000, [state]);
          await restored.play(steps);
          await restored.end();
          const results = [...before, ...restored.lab.out.filter(isResult)];
          const inputs = [...first.pushed.slice(0, cut.pushed), ...restored.pushed]
            .filter(isResult)
            .map(expected);
          if (given.mode === "unordered") results.sort(byTime);
          expect(results).toEqual(inputs);
        }
      }),
      { numRuns: 150 },
    );
  });
});
