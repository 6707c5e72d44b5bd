import { describe, expect, it } from "vitest";
import { keyedProcess, statefulProcess } from "../../src/state/index.js";
import { BoundOperator, bytesOf, record, watermark } from "./bound-operator.js";

interface Seen {
  total: number;
  readonly last: { value: number }[];
  readonly byName: Record<string, number>;
}

const initial: Seen = { total: 0, last: [], byName: {} };

const seen = statefulProcess<number, number, Seen>({
  name: "seen",
  state: initial,
  merge: (a, b) => ({
    total: a.total + b.total,
    last: [...a.last, ...b.last],
    byName: { ...a.byName, ...b.byName },
  }),
  onRecord(n, ctx) {
    ctx.update((draft) => {
      draft.total += n;
      draft.last.push({ value: n });
      draft.byName[`n${n}`] = n;
    });
  },
  onWatermark: (_watermark, ctx) => ctx.collect(ctx.state.total),
});

const json = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

describe("statefulProcess", () => {
  it("changes its state by recipes and emits with the time of the call", () => {
    const operator = new BoundOperator<number, number>(seen);
    expect(operator.run([record(2, 1), record(3, 2), watermark(4)])).toEqual([
      { record: 5, timestamp: 4 },
      { control: "Watermark", value: 4 },
    ]);
    expect(initial).toEqual({ total: 0, last: [], byName: {} });
  });

  it("has in a snapshot what was there at the barrier, whatever comes before it is bytes", () => {
    const operator = new BoundOperator<number, number>(seen);
    operator.run([record(2, 1)]);
    const snapshot = operator.barrier(1);
    operator.run([record(3, 2)]);
    expect(json(bytesOf(snapshot))).toEqual({ total: 2, last: [{ value: 2 }], byName: { n2: 2 } });
  });

  it("serializes a large state in slices, to the same JSON", () => {
    const operator = new BoundOperator<number, number>(seen);
    const large: Seen = {
      total: -1,
      last: Array.from({ length: 20_000 }, (_, value) => ({ value })),
      byName: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`"${i}"`, i])),
    };
    const restored = new BoundOperator<number, number>(
      seen,
      [new TextEncoder().encode(JSON.stringify(large))],
      1,
    );
    const snapshot = restored.barrier(1);
    let slices = 0;
    for (; !snapshot.isSerialized; slices++) snapshot.serializeSome();
    expect(slices).toBeGreaterThan(3);
    expect(json(snapshot.bytes)).toEqual(large);
    expect(json(bytesOf(operator.barrier(1)))).toEqual(initial);
  });

  it("takes a state apart that is large anywhere, and is the same JSON", () => {
    const rows = (n: number) => Array.from({ length: n }, (_, i) => [i, { name: `row ${i}` }]);
    const wide = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`shop ${i}`, rows(500)]));
    let deep: unknown = rows(15_000);
    for (let i = 0; i < 20; i++) deep = { level: i, undefined, next: [deep, null, -1.5, "\ud800"] };
    for (const state of [wide, deep]) {
      const large = statefulProcess<number, number, unknown>({
        name: "large",
        state,
        onRecord() {},
      });
      const snapshot = new BoundOperator<number, number>(large).barrier(1);
      let longest = 0;
      for (let length = 0; !snapshot.isSerialized; length = snapshot.bytes.length) {
        snapshot.serializeSome();
        longest = Math.max(longest, snapshot.bytes.length - length);
      }
      expect(longest).toBeLessThan(64 * 1024);
      expect(new TextDecoder().decode(snapshot.bytes)).toBe(JSON.stringify(state));
    }
  });

  it("declines a large state that holds itself, or holds what is not JSON", () => {
    const many: unknown[] = Array.from({ length: 1000 }, (_, i) => i);
    const self = { many: [...many], self: {} };
    self.self = self;
    for (const [state, message] of [
      [self, "state.self holds itself"],
      [{ many: [...many, new Map()] }, "state.many[1000] is a Map"],
      [[...many, undefined], "state[1000] is undefined"],
    ] as const) {
      const bad = statefulProcess<number, number, unknown>({
        name: "bad",
        state: null,
        onRecord: (_n, ctx) => ctx.update(() => state),
      });
      const operator = new BoundOperator<number, number>(bad);
      operator.run([record(0, 1)]);
      expect(() => bytesOf(operator.barrier(1))).toThrow(message);
    }
  });

  it.each([
    [{ onWatermarks() {} }, "statefulProcess.onWatermarks: there is no such option"],
    [{ name: "" }, "statefulProcess.name: expected a name"],
    [{ onRecord: undefined }, "statefulProcess.onRecord"],
  ])("refuses the options %o", (wrong, message) => {
    const options = { name: "k", state: 0, onRecord() {}, ...wrong };
    expect(() => statefulProcess(options as never)).toThrow(message);
  });

  it("merges the states that a rescale brings together, and refuses without merge", () => {
    const parts = [2, 3].map((n) => {
      const operator = new BoundOperator<number, number>(seen);
      operator.run([record(n, 1)]);
      return bytesOf(operator.barrier(1));
    });
    expect(new BoundOperator<number, number>(seen, parts, 1).records([watermark(1)])).toEqual([5]);
    const plain = statefulProcess({ name: "seen", state: initial, onRecord() {} });
    expect(() => new BoundOperator(plain, parts, 1)).toThrow("is in 2 parts");
    const method = {
      name: "seen",
      state: initial,
      merge(): Seen {
        return this.state;
      },
      onRecord() {},
    };
    expect(() => new BoundOperator(statefulProcess(method), parts, 1)).not.toThrow();
  });

  it("refuses the state of another kind of operator", () => {
    const keyed = keyedProcess<number, number, number, null>({
      name: "seen",
      keyOf: (n) => n,
      state: () => null,
      onRecord() {},
    });
    const state = bytesOf(new BoundOperator<number, number>(keyed).barrier(1));
    expect(() => new BoundOperator(seen, [state])).toThrow("keyedProcess, not of statefulProcess");
  });

  it("refuses to be changed without a recipe, and declines what is not JSON", () => {
    const careless = statefulProcess<number, number, { n: unknown }>({
      name: "careless",
      state: { n: 0 },
      onRecord(n, ctx) {
        if (n === 0) ctx.state.n = n;
        else ctx.update(() => ({ n: new Set([n]) }));
      },
    });
    expect(() => new BoundOperator<number, number>(careless).run([record(0, 1)])).toThrow(
      TypeError,
    );
    const operator = new BoundOperator<number, number>(careless);
    operator.run([record(1, 1)]);
    expect(() => bytesOf(operator.barrier(1))).toThrow("state.n is a Set");
  });
});
