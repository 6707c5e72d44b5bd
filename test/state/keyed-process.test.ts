import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyedProcess } from "../../src/state/index.js";
import { dealKeyedState } from "../../src/state/keyed-state-bytes.js";
import { BoundOperator, bytesOf, record, watermark } from "./bound-operator.js";

type Command =
  | { readonly type: "set" | "delete"; readonly key: number; readonly time: number }
  | { readonly type: "add" | "update" | "clear"; readonly key: number };

interface Sum {
  n: number;
}

const commands = keyedProcess<Command, string, number, Sum>({
  name: "commands",
  keyOf: ({ key }) => key,
  state: () => ({ n: 0 }),
  merge: (a, b) => ({ n: a.n + b.n }),
  onRecord(command, ctx) {
    switch (command.type) {
      case "set":
        ctx.timers.registerEventTimeTimer(command.time);
        break;
      case "delete":
        ctx.timers.deleteEventTimeTimer(command.time);
        break;
      case "add":
        ctx.state.n++;
        break;
      case "update":
        ctx.update((draft) => {
          draft.n++;
        });
        break;
      case "clear":
        ctx.clear();
    }
  },
  onTimer(time, ctx) {
    ctx.collect(`${time}: ${ctx.key} has ${ctx.hasState ? ctx.state.n : "nothing"}`);
  },
});

const set = (key: number, time: number) => record<Command>({ type: "set", key, time }, 0);

describe("keyedProcess", () => {
  it("fires timers once, in the order of their times, before the watermark goes on", () => {
    const operator = new BoundOperator<Command, string>(commands);
    const out = operator.run([
      set(1, 30),
      set(2, 10),
      set(1, 10),
      set(1, 10),
      record({ type: "add", key: 1 }, 0),
      watermark(9),
      watermark(30),
      watermark(40),
    ]);
    expect(out).toEqual([
      { control: "Watermark", value: 9 },
      { record: "10: 2 has nothing", timestamp: 10 },
      { record: "10: 1 has 1", timestamp: 10 },
      { record: "30: 1 has 1", timestamp: 30 },
      { control: "Watermark", value: 30 },
      { control: "Watermark", value: 40 },
    ]);
  });

  it("fires what is set for a passed time at the next watermark, and Infinity at the end", () => {
    const operator = new BoundOperator<Command, string>(commands);
    const late = operator.records([watermark(50), set(1, 20), set(2, Number.POSITIVE_INFINITY)]);
    expect(late).toEqual([]);
    expect(operator.records([watermark(51)])).toEqual(["20: 1 has nothing"]);
    const again = new BoundOperator<Command, string>(commands, [bytesOf(operator.barrier(1))]);
    expect(again.records([watermark(Number.POSITIVE_INFINITY)])).toEqual([
      "Infinity: 2 has nothing",
    ]);
  });

  it("fires a chain of timers up to the watermark, and ends it with the input", () => {
    const every10 = keyedProcess<number, number, string, null>({
      name: "every-10",
      keyOf: () => "all",
      state: () => null,
      onRecord: (n, ctx) => ctx.timers.registerEventTimeTimer(n),
      onTimer(time, ctx) {
        ctx.collect(time);
        ctx.timers.registerEventTimeTimer(time + 10);
      },
    });
    const operator = new BoundOperator<number, number>(every10);
    expect(operator.records([record(5, 0), watermark(27)])).toEqual([5, 15, 25]);
    expect(operator.records([watermark(Number.POSITIVE_INFINITY)])).toEqual([35]);
  });

  it("fires a timer once a watermark that was deleted, set again, and sets itself again", () => {
    const again = keyedProcess<string, number, string, number>({
      name: "again",
      keyOf: () => "all",
      state: () => 1,
      onRecord(command, ctx) {
        ctx.setState(1);
        if (command === "set") ctx.timers.registerEventTimeTimer(5);
        else ctx.timers.deleteEventTimeTimer(5);
      },
      onTimer(time, ctx) {
        ctx.collect(time);
        ctx.timers.registerEventTimeTimer(time);
      },
    });
    const operator = new BoundOperator<string, number>(again);
    const input = ["set", "delete", "set"].map((command) => record(command, 0));
    expect(operator.records([...input, watermark(6)])).toEqual([5]);
    expect(operator.records([watermark(7)])).toEqual([5]);
  });

  it("forgets deleted timers, however many were set and deleted", () => {
    const operator = new BoundOperator<Command, string>(commands);
    const moves = Array.from({ length: 5000 }, (_, i) => [
      set(i % 3, i),
      record<Command>({ type: "delete", key: i % 3, time: i }, 0),
    ]);
    expect(operator.records([...moves.flat(), set(1, 7), watermark(5000)])).toEqual([
      "7: 1 has nothing",
    ]);
  });

  it("lets a recipe and a change in place follow each other", () => {
    const operator = new BoundOperator<Command, string>(commands);
    const types = ["add", "update", "add", "update"] as const;
    operator.run(types.map((type) => record<Command>({ type, key: 1 }, 0)));
    expect(operator.records([set(1, 1), watermark(1)])).toEqual(["1: 1 has 4"]);
  });

  it("has in a snapshot what was there at the barrier, whatever changes before it is bytes", () => {
    const operator = new BoundOperator<Command, string>(commands);
    const all = (type: "add" | "update" | "clear") =>
      [1, 2, 3].map((key) => record<Command>({ type, key }, 0));
    operator.run([...all("add"), set(1, 5), set(2, 6)]);
    const before = bytesOf(operator.barrier(1));
    const snapshot = operator.barrier(2);
    operator.run([...all("add"), ...all("update"), set(3, 7), set(4, 8), watermark(6)]);
    operator.run(all("clear"));
    const lines = (bytes: Uint8Array): string[] =>
      new TextDecoder().decode(bytes).replaceAll("],\n", "]\n").split("\n").sort();
    expect(lines(bytesOf(snapshot))).toEqual(lines(before));
    expect(lines(bytesOf(operator.barrier(3)))).not.toEqual(lines(before));
  });

  it("merges the states of a key that meet, and refuses without merge", () => {
    const parts = [1, 2].map((n) => {
      const operator = new BoundOperator<Command, string>(commands);
      operator.run([...Array(n)].map(() => record<Command>({ type: "add", key: 7 }, 0)));
      operator.run([set(7, 5), set(7, 5 + n)]);
      return bytesOf(operator.barrier(1));
    });
    const merged = new BoundOperator<Command, string>(commands, parts);
    expect(merged.records([watermark(9)])).toEqual(["5: 7 has 3", "6: 7 has 3", "7: 7 has 3"]);
    const plain = keyedProcess<Command, string, number, Sum>({
      name: "commands",
      keyOf: ({ key }) => key,
      state: () => ({ n: 0 }),
      onRecord() {},
    });
    expect(() => new BoundOperator(plain, parts)).toThrow("has no merge");
  });

  it("refuses a key and a timer that a checkpoint could not hold", () => {
    const bad = new BoundOperator<Command, string>(commands);
    expect(() => bad.run([set(Number.NaN, 1)])).toThrow("keyOf of operator commands");
    const operator = new BoundOperator<Command, string>(commands);
    expect(() => operator.run([set(1, Number.NaN)])).toThrow("cannot set a timer for NaN");
  });

  it("has odd keys again after a restore", () => {
    const odd = keyedProcess<string, string, string, number>({
      name: "odd",
      keyOf: (key) => key,
      state: () => 0,
      onRecord: (_key, ctx) => ctx.setState(ctx.state + 1),
      onTimer() {},
    });
    const counts = keyedProcess<string, string, string, number>({
      name: "odd",
      keyOf: (key) => key,
      state: () => 0,
      onRecord: (_key, ctx) => ctx.collect(`${JSON.stringify(ctx.key).slice(0, 20)} ${ctx.state}`),
    });
    const keys = ["__proto__", "constructor", "", "\ud800", "a\nb", "\u2028", "k".repeat(1e5)];
    const operator = new BoundOperator<string, string>(odd);
    operator.run(keys.map((each) => record(each, 0)));
    const dealt = dealKeyedState(bytesOf(operator.barrier(1)), 3, 0);
    const restored = new BoundOperator<string, string>(counts, dealt);
    expect(restored.records(keys.map((each) => record(each, 0)))).toEqual(
      keys.map((each) => `${JSON.stringify(each).slice(0, 20)} 1`),
    );
  });

  it.each([
    [{ onTimers() {} }, "keyedProcess.onTimers: there is no such option"],
    [{ merge: 3 }, "keyedProcess.merge"],
    [{ name: "" }, "keyedProcess.name: expected a name"],
    [{ name: "__proto__" }, "keyedProcess.name: expected a name"],
  ])("refuses the options %o", (wrong, message) => {
    const options = { name: "k", keyOf: () => 1, state: () => null, onRecord() {}, ...wrong };
    expect(() => keyedProcess(options as never)).toThrow(message);
  });

  it("refuses the state of another kind of operator", () => {
    const bytes = new TextEncoder().encode('{"sum":3}');
    expect(() => new BoundOperator(commands, [bytes], 1)).toThrow("not of keyedProcess");
  });
});

type Action =
  | { readonly type: "command"; readonly command: Command }
  | { readonly type: "watermark"; readonly by: number }
  | { readonly type: "snapshot" }
  | { readonly type: "serialize" }
  | { readonly type: "restore"; readonly parallelism: number };

const key = fc.integer({ min: 0, max: 4 });
const time = fc.integer({ min: 0, max: 60 });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("command" as const),
      command: fc.oneof<fc.Arbitrary<Command>[]>(
        fc.record({ type: fc.constantFrom("set" as const, "delete" as const), key, time }),
        fc.record({
          type: fc.constantFrom("add" as const, "update" as const, "clear" as const),
          key,
        }),
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("watermark" as const), by: fc.nat(9) }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "snapshot" as const }) },
  { weight: 1, arbitrary: fc.constant({ type: "serialize" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("restore" as const),
      parallelism: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

interface Model {
  readonly timers: Map<number, Set<number>>;
  readonly sums: Map<number, number>;
  readonly now: number;
}

function copy({ timers, sums, now }: Model): Model {
  return {
    timers: new Map([...timers].map(([each, times]) => [each, new Set(times)])),
    sums: new Map(sums),
    now,
  };
}

describe("keyed state with timers", () => {
  it("is what a plain model says, and a snapshot what it was at its barrier", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        let operator = new BoundOperator<Command, string>(commands);
        let model: Model = { timers: new Map(), sums: new Map(), now: -1 };
        let saved: { bytes: () => Uint8Array; model: Model } | undefined;
        for (const [id, next] of actions.entries()) {
          switch (next.type) {
            case "command": {
              operator.run([record(next.command, 0)]);
              const { type, key: k } = next.command;
              const times = model.timers.get(k) ?? new Set();
              model.timers.set(k, times);
              if (type === "set") times.add(next.command.time);
              else if (type === "delete") times.delete(next.command.time);
              else if (type === "clear") model.sums.delete(k);
              else model.sums.set(k, (model.sums.get(k) ?? 0) + 1);
              break;
            }
            case "watermark": {
              const now = model.now + next.by;
              const due = [...model.timers].flatMap(([k, times]) =>
                [...times].filter((t) => t <= now).map((t) => [t, k] as const),
              );
              for (const [t, k] of due) model.timers.get(k)?.delete(t);
              const out = operator.records([watermark(now)]);
              const expected = due.map(
                ([t, k]) => `${t}: ${k} has ${model.sums.get(k) ?? "nothing"}`,
              );
              expect([...out].sort()).toEqual(expected.sort());
              const times = out.map((line) => Number.parseInt(line, 10));
              expect(times).toEqual([...times].sort((a, b) => a - b));
              model = { ...model, now };
              break;
            }
            case "snapshot": {
              const snapshot = operator.barrier(id);
              saved = { bytes: () => bytesOf(snapshot), model: copy(model) };
              break;
            }
            case "serialize":
              saved?.bytes();
              break;
            case "restore":
              if (saved === undefined) break;
              operator = new BoundOperator(
                commands,
                dealKeyedState(saved.bytes(), next.parallelism, 0),
              );
              model = copy(saved.model);
              break;
          }
        }
      }),
      { numRuns: 400 },
    );
  });
});
