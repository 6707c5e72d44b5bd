import { checkLifecycle, type LifecycleSystem } from "headwater/testing";
import { describe, expect, it } from "vitest";
import { setup } from "xstate";
import type { LifecyclePorts } from "../../../src/testing/index.js";

type CallEvent = { readonly type: "Start" | "Answered" | "Cancel" };

/** A call that is answered later, or cancelled before. */
const machine = setup({
  types: { events: {} as CallEvent },
  actions: { noteAnswer: () => {}, noteCancel: () => {}, unexpectedEvent: () => {} },
}).createMachine({
  id: "call",
  initial: "idle",
  on: { "*": { actions: "unexpectedEvent" } },
  states: {
    idle: { on: { Start: "running" } },
    running: {
      on: {
        Answered: { target: "over", actions: "noteAnswer" },
        Cancel: { target: "over", actions: "noteCancel" },
      },
    },
    over: {},
  },
});

/** Its answer takes its time: it waits for whoever answers, and then for the scheduler. */
class Call implements LifecycleSystem<CallEvent> {
  readonly #ports: LifecyclePorts;
  readonly #hearsLateAnswers: boolean;
  #place = "idle";
  #seen: string[] = [];
  #resolve: (() => void) | undefined;
  #answer: Promise<void> | undefined;

  constructor(ports: LifecyclePorts, hearsLateAnswers: boolean) {
    this.#ports = ports;
    this.#hearsLateAnswers = hearsLateAnswers;
  }

  async send({ type }: CallEvent): Promise<void> {
    const isLegal = type === "Start" ? this.#place === "idle" : this.#place === "running";
    if (!isLegal) {
      if (!this.#ports.isInterleaved) this.#seen.push("unexpectedEvent");
    } else if (type === "Start") this.#start();
    else if (type === "Cancel") this.#end("noteCancel");
    else {
      this.#resolve?.();
      await this.#answer;
    }
  }

  state() {
    return { state: this.#place, seen: this.#seen.splice(0) };
  }

  #start(): void {
    this.#place = "running";
    const answered = new Promise<void>((resolve) => {
      this.#resolve = resolve;
    });
    this.#answer = this.#ports.gate(answered).then(() => {
      if (this.#place === "running" || this.#hearsLateAnswers) this.#end("noteAnswer");
    });
  }

  #end(word: string): void {
    this.#place = "over";
    this.#seen.push(word);
  }
}

function check(hearsLateAnswers: boolean, dropIllegal: boolean): Promise<unknown> {
  return checkLifecycle(
    machine,
    { create: (ports) => new Call(ports, hearsLateAnswers) },
    {
      endsAfter: ["unexpectedEvent"],
      expected: ({ state, steps }) => ({ state, seen: steps.flat() }),
      sequences: false,
      interleavings: { dropIllegal, runs: 60 },
    },
  );
}

describe("a class that guards itself", () => {
  it("passes with answers that come when the scheduler says so", async () => {
    await expect(check(false, true)).resolves.toMatchObject({ missing: [] });
  });

  it("is found when it hears an answer that a cancellation has overtaken", async () => {
    const failure = await check(true, true).catch((error: Error) => error);
    expect(String(failure)).toMatch(/where no order of its events takes the machine/);
    expect(String(failure)).toMatch(/Cancel/);
  });

  it("is not asked for orders that would end it, unless its options say that it drops them", async () => {
    await expect(check(true, false)).resolves.toMatchObject({ missing: [] });
  });
});
