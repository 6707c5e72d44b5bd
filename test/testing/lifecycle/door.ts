import { assign, setup } from "xstate";
import type { LifecyclePorts, LifecycleSystem, ModelStep } from "../../../src/testing/index.js";

export type DoorEvent =
  | { readonly type: "Open" }
  | { readonly type: "Close" }
  | { readonly type: "Lock"; readonly code: number }
  | { readonly type: "Unlock"; readonly code: number };

/** A door that can be locked with a code. */
export const doorMachine = setup({
  types: { context: {} as { readonly code: number | null }, events: {} as DoorEvent },
  actions: {
    keepCode: assign({ code: ({ event }) => (event.type === "Lock" ? event.code : null) }),
    forgetCode: assign({ code: null }),
    ring: () => {
      throw new Error("a test of the model runs no effect");
    },
    unexpectedEvent: () => {},
  },
  guards: {
    fits: ({ context, event }) => event.type === "Unlock" && event.code === context.code,
  },
}).createMachine({
  id: "door",
  context: { code: null },
  initial: "closed",
  on: { "*": { actions: "unexpectedEvent" } },
  states: {
    closed: {
      initial: "unlocked",
      states: {
        unlocked: { on: { Open: "#door.open", Lock: { target: "locked", actions: "keepCode" } } },
        locked: {
          on: {
            Unlock: [
              { guard: "fits", target: "unlocked", actions: "forgetCode" },
              { actions: "ring" },
            ],
          },
        },
      },
    },
    open: { on: { Close: "closed" } },
  },
});

export const DOOR_EVENTS: readonly DoorEvent[] = [
  { type: "Open" },
  { type: "Close" },
  { type: "Lock", code: 1 },
  { type: "Lock", code: 2 },
  { type: "Unlock", code: 1 },
  { type: "Unlock", code: 2 },
];

/** What a door shows: where it stands, its code, and how often it rang. */
export function shownBy({ state, context, effects }: ModelStep<typeof doorMachine>) {
  const count = (name: string): number => effects.filter((effect) => effect === name).length;
  return { state, code: context.code, rang: count("ring"), refused: count("unexpectedEvent") };
}

/** A door without a machine; subclasses break it. */
export class Door implements LifecycleSystem<DoorEvent> {
  protected place = "closed.unlocked";
  protected code: number | null = null;
  protected rang = 0;
  protected refused = 0;
  disposed = 0;

  send(event: DoorEvent): void | Promise<void> {
    if (event.type === "Open" && this.place === "closed.unlocked") this.place = "open";
    else if (event.type === "Close" && this.place === "open") this.place = "closed.unlocked";
    else if (event.type === "Lock" && this.place === "closed.unlocked") this.lock(event.code);
    else if (event.type === "Unlock" && this.place === "closed.locked") this.unlock(event.code);
    else this.refused++;
  }

  protected lock(code: number): void {
    this.place = "closed.locked";
    this.code = code;
  }

  protected unlock(code: number): void {
    if (code === this.code) {
      this.place = "closed.unlocked";
      this.code = null;
    } else this.rang++;
  }

  state() {
    const { place: state, code, rang, refused } = this;
    this.rang = 0;
    this.refused = 0;
    return { state, code, rang, refused };
  }

  dispose(): void {
    this.disposed++;
  }
}

/** A door whose motor takes time: what comes meanwhile waits in line. */
export class MotorDoor extends Door {
  readonly #ports: LifecyclePorts;
  protected line: Promise<void> = Promise.resolve();

  constructor(ports: LifecyclePorts) {
    super();
    this.#ports = ports;
  }

  override send(event: DoorEvent): Promise<void> {
    this.line = this.line.then(() => this.move(event));
    return this.line;
  }

  protected async move(event: DoorEvent): Promise<void> {
    await this.motor();
    super.send(event);
  }

  protected motor(): Promise<void> {
    return this.#ports.gate(Promise.resolve());
  }
}

/** Looks where it stands before its motor runs, and believes it afterwards. */
export class HastyDoor extends MotorDoor {
  override async send(event: DoorEvent): Promise<void> {
    const { place, code } = this;
    await this.motor();
    this.place = place;
    this.code = code;
    Door.prototype.send.call(this, event);
  }
}
