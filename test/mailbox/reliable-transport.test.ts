import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Envelope,
  type Link,
  ReliableTransport,
  SeededRandom,
  VirtualClock,
} from "../../src/mailbox/index.js";

/** Both ends of a line on a virtual clock; `fate` says when each copy of a packet arrives. */
class Line {
  readonly clock = new VirtualClock();
  packets = 0;
  readonly ends: readonly [Link, Link];
  readonly #deliver: ((packet: Uint8Array) => void)[] = [];

  constructor(fate: (packet: number) => readonly number[]) {
    const end = (own: number): Link => ({
      connect: (deliver) => {
        this.#deliver[own] = deliver;
      },
      send: (packet) => {
        for (const delay of fate(this.packets++)) {
          this.clock.schedule(delay, () => this.#deliver[1 - own]?.(packet));
        }
      },
    });
    this.ends = [end(0), end(1)];
  }

  transport(
    end: 0 | 1,
    incarnation: number,
    options: { window?: number; bufferLimit?: number } = {},
  ) {
    const received: number[] = [];
    const transport = new ReliableTransport({
      link: this.ends[end],
      clock: this.clock,
      peer: end === 0 ? "b" : "a",
      incarnation,
      ...options,
    });
    transport.connect(({ sequence }) => received.push(sequence));
    return { transport, received };
  }

  /** Lets everything happen that is to come; false when it does not end. */
  settle(): boolean {
    for (let i = 0; i < 100_000; i++) if (!this.clock.advanceToNextTimer()) return true;
    return false;
  }
}

const envelope = (sequence: number): Envelope => ({
  from: "x",
  to: "y",
  epoch: 0,
  sequence,
  event: { type: "Event" },
});
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const good = (): readonly number[] => [1];

describe("ReliableTransport", () => {
  it("delivers in order and once over a line that loses, repeats and reorders", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0, max: 0.6, noNaN: true }),
        (seed, count, window, lost) => {
          const random = new SeededRandom(seed);
          const line = new Line(() => {
            const copies = random.next() < lost ? 0 : random.next() < 0.3 ? 2 : 1;
            return Array.from({ length: copies }, () => random.next() * 100);
          });
          const a = line.transport(0, 1, { window });
          const b = line.transport(1, 1, { window });
          for (const sequence of upTo(count)) {
            a.transport.send(envelope(sequence));
            b.transport.send(envelope(sequence));
            if (random.next() < 0.2) line.clock.advance(random.next() * 50);
          }
          expect(line.settle()).toBe(true);
          expect(a.received).toEqual(upTo(count));
          expect(b.received).toEqual(upTo(count));
          expect(a.transport.unacknowledged + b.transport.unacknowledged).toBe(0);
          expect(line.clock.pendingTimers).toBe(0);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("sends nothing and has no timer when all is acknowledged", () => {
    const line = new Line(good);
    const { transport } = line.transport(0, 1);
    line.transport(1, 1);
    transport.send(envelope(1));
    line.clock.advance(10);
    const { packets } = line;
    expect(line.clock.pendingTimers).toBe(0);
    line.clock.advance(3_600_000);
    expect(line.packets).toBe(packets);
  });

  it("tries again less and less often while nobody answers", () => {
    const line = new Line(() => []);
    const { transport } = line.transport(0, 1);
    transport.send(envelope(1));
    const sent: number[] = [];
    for (let i = 0; i < 10; i++) {
      line.clock.advanceToNextTimer();
      sent.push(line.clock.now());
    }
    expect(sent).toEqual([50, 150, 350, 750, 1550, 3150, 6350, 11350, 16350, 21350]);
  });

  it("puts no more on the line than the window and refuses more than the buffer, naming the peer", () => {
    const line = new Line(() => []);
    const { transport } = line.transport(0, 1, { window: 2, bufferLimit: 5 });
    for (const sequence of upTo(5)) transport.send(envelope(sequence));
    expect(line.packets).toBe(2);
    expect(() => transport.send(envelope(6))).toThrow(/5 envelopes for b are not acknowledged/);
  });

  it("begins anew with a peer that has started again, and drops what was meant for the one before", () => {
    let isUp = true;
    const line = new Line(() => (isUp ? [1] : []));
    const a = line.transport(0, 1);
    line.transport(1, 1);
    a.transport.send(envelope(1));
    line.clock.advance(10);
    isUp = false;
    a.transport.send(envelope(2));
    const restarted = line.transport(1, 2);
    isUp = true;
    expect(line.settle()).toBe(true);
    expect(restarted.received).toEqual([]);
    a.transport.send(envelope(3));
    restarted.transport.send(envelope(1));
    expect(line.settle()).toBe(true);
    expect(restarted.received).toEqual([3]);
    expect(a.received).toEqual([1]);
  });

  it("takes nothing from a life of the peer that is over", () => {
    const delays = [500, 1, 1, 1, 1, 1, 1, 1];
    const line = new Line((packet) => [delays[packet] ?? 1]);
    const b = line.transport(1, 1);
    line.transport(0, 1).transport.send(envelope(1));
    const again = line.transport(0, 2);
    again.transport.send(envelope(7));
    line.clock.advance(1000);
    expect(b.received).toEqual([7]);
  });

  it("sends nothing more when it is closed", () => {
    const line = new Line(() => []);
    const { transport } = line.transport(0, 1);
    transport.send(envelope(1));
    transport.close();
    transport.send(envelope(2));
    line.clock.advance(10_000);
    expect(line.packets).toBe(1);
    expect(line.clock.pendingTimers).toBe(0);
  });
});
