import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnyStateMachine, assign, createActor, not, setup } from "xstate";
import { machines } from "../../machines/index.js";
import { compileMachine } from "../../src/mailbox/compiled-machine.js";
import { MachineStructure } from "../../src/mailbox/machine-structure.js";

const nested = setup({
  types: { context: {} as { n: number }, events: {} as { type: string } },
  actions: {
    more: assign(({ context }) => ({ n: context.n + 1 })),
    zero: assign({ n: 0 }),
    double: assign({ n: ({ context }) => 2 * context.n }),
    enter: () => {},
    leave: () => {},
    act: () => {},
  },
  guards: {
    isOdd: ({ context }) => context.n % 2 === 1,
    isLarge: ({ context }) => context.n > 5,
    broken: () => {
      throw new Error("the guard is broken");
    },
  },
}).createMachine({
  id: "nested",
  context: { n: 0 },
  initial: "a",
  entry: "enter",
  exit: "leave",
  on: {
    Home: { target: ".a", actions: "act" },
    Zero: { actions: ["act", "zero"] },
    "*": { actions: { type: "act", params: { by: "root" } } },
  },
  states: {
    a: {
      entry: ["enter", "more"],
      exit: "leave",
      initial: "inner",
      always: { guard: "isLarge", target: "b", actions: "double" },
      on: {
        Again: { target: "a", reenter: true },
        Stay: { target: "a" },
        Into: ".deep.second",
        More: [{ guard: "isOdd", actions: ["more", "act"] }, { target: "b" }],
        Ignored: {},
        Breaks: { guard: "broken", target: "b" },
      },
      states: {
        inner: { entry: "enter", exit: "leave", on: { Next: "deep", Again: "inner" } },
        deep: {
          entry: "enter",
          exit: ["leave", "more"],
          initial: "first",
          on: { Next: { guard: not("isOdd"), target: "inner" }, Up: "#nested.b" },
          states: {
            first: { entry: "act", exit: "act", on: { Next: "second" } },
            second: { exit: "leave", always: { guard: "isOdd", actions: "more" } },
          },
        },
      },
    },
    b: {
      entry: "enter",
      exit: "leave",
      on: { Next: "a", End: "end", Self: { target: "b", reenter: true, actions: "more" } },
    },
    end: { type: "final", entry: "enter", exit: "leave" },
  },
});

/** What a machine does with the events: each effect with what it is given, and each snapshot. */
function run(machine: AnyStateMachine, events: readonly { type: string }[], input: unknown) {
  const log: unknown[] = [];
  const actions: Record<string, unknown> = {};
  for (const [name, action] of Object.entries(machine.implementations.actions as object)) {
    if ("resolve" in action) continue;
    actions[name] = (args: { context: object; event: object }, params: unknown) => {
      log.push([name, params, args.context, args.event]);
    };
  }
  return (compile: boolean) => {
    log.length = 0;
    const provided = machine.provide({ actions } as never);
    if (compile) {
      compileMachine(provided);
      // The first of its definition is begun by XState itself.
      const first = createActor(provided, { input } as never);
      first.subscribe({ error: () => {} });
      first.start();
      first.send({ type: "Unheard" } as never);
      log.length = 0;
    }
    const actor = createActor(provided, { input } as never);
    actor.subscribe({ error: (error) => log.push(String(error)) });
    actor.start();
    expect(actor.getSnapshot().status).toBe("active");
    for (const event of events) {
      if (actor.getSnapshot().status !== "active") break;
      actor.send(event as never);
      const { status, value, context, output } = actor.getSnapshot();
      const nodes = actor.getSnapshot()._nodes.map(({ id }: { id: string }) => id);
      log.push([status, value, context, output, nodes.sort()]);
    }
    return [...log];
  };
}

const inputs: Readonly<Record<string, unknown>> = {
  checkpoint: {
    firstCheckpointId: 1,
    tolerableFailures: 1,
    pipelines: [{ id: "p", parallelism: 2 }],
  },
  committer: { maxRetries: 2 },
  "source-coordinator": { parallelism: 2 },
};

function eventsOf(machine: AnyStateMachine): fc.Arbitrary<{ type: string }[]> {
  const types = machine.events.filter((type) => type !== "*");
  const small = fc.integer({ min: 0, max: 2 });
  return fc.array(
    fc.record({
      type: fc.constantFrom(...types, ...types, "Unheard"),
      pipeline: fc.constant("p"),
      subtask: small,
      attempt: small,
      attempts: fc.array(small, { maxLength: 3 }),
      checkpointId: fc.integer({ min: 1, max: 3 }),
      kind: fc.constantFrom("CHECKPOINT", "SAVEPOINT"),
      stop: fc.boolean(),
      n: small,
    }),
    { maxLength: 40 },
  );
}

describe("a compiled machine", () => {
  for (const [name, machine] of Object.entries({ ...machines, nested })) {
    it(`does what XState does with any events: ${name}`, () => {
      expect(MachineStructure.of(machine)).toBeDefined();
      fc.assert(
        fc.property(eventsOf(machine), (events) => {
          const both = run(machine, events, inputs[name] ?? {});
          expect(both(true)).toEqual(both(false));
        }),
        { numRuns: 150 },
      );
    });
  }

  it("leaves statecharts alone that it does not cover", () => {
    const parallel = setup({}).createMachine({
      type: "parallel",
      states: { a: {}, b: { initial: "c", states: { c: {} } } },
    });
    expect(MachineStructure.of(parallel)).toBeUndefined();
    expect(compileMachine(parallel)).toBe(parallel);
  });
});
