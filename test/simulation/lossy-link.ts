import type { Link } from "../../src/mailbox/index.js";
import type { Life } from "./life.js";

const LOST = 0.1;
const TWICE = 0.1;

/** One end of a line that loses, repeats and reorders packets. */
export class LossyLink implements Link {
  readonly #life: Life;
  #peer: LossyLink | undefined;
  #deliver: (packet: Uint8Array) => void = () => {};

  private constructor(life: Life) {
    this.#life = life;
  }

  static pair(life: Life): readonly [LossyLink, LossyLink] {
    const [a, b] = [new LossyLink(life), new LossyLink(life)];
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  connect(deliver: (packet: Uint8Array) => void): void {
    this.#deliver = deliver;
  }

  send(packet: Uint8Array): void {
    const { world } = this.#life;
    const { dice } = world;
    const copies = dice.chance(LOST) ? 0 : dice.chance(TWICE) ? 2 : 1;
    const peer = this.#peer;
    for (let i = 0; i < copies; i++) {
      world.schedule(dice.int(0, 1 + world.plan.latency.network), () => {
        if (this.#life.isAlive && peer !== undefined) peer.#deliver(packet);
      });
    }
  }
}
