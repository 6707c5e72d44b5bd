import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AVAILABLE } from "../../src/mailbox/availability.js";
import { DEFAULT_ELEMENT_QUEUE_CAPACITY, ElementQueue } from "../../src/reader/index.js";

/** Puts and keeps the outcome: true, false, or undefined while it waits. */
function put<T>(queue: ElementQueue<T>, element: T, putter = 0): { done?: boolean } {
  const result: { done?: boolean } = {};
  queue.put(putter, element, (accepted) => {
    expect(result.done).toBeUndefined();
    result.done = accepted;
  });
  return result;
}

describe("element queue", () => {
  it("shows its oldest element without removing it, and hands it out once [FQ-01]", () => {
    const queue = new ElementQueue<number>(5);
    const future = queue.availability();
    put(queue, 1234);
    expect(future.isDone).toBe(true);
    expect([queue.size, queue.remainingCapacity, queue.peek()]).toEqual([1, 4, 1234]);
    expect(queue.size).toBe(1);
    expect(queue.poll()).toBe(1234);
    expect([queue.size, queue.remainingCapacity]).toEqual([0, 5]);
  });

  it("polls null when it is empty, again and again [FQ-02]", () => {
    const queue = new ElementQueue<number>();
    expect(queue.poll()).toBeNull();
    expect(queue.poll()).toBeNull();
    expect(queue.peek()).toBeNull();
  });

  it("lets a second putter wait and gives its element back when it is woken up [FQ-03]", () => {
    const queue = new ElementQueue<number>(1);
    expect(put(queue, 1).done).toBe(true);
    const waiting = put(queue, 2);
    expect(waiting.done).toBeUndefined();
    queue.wakeUpPutter(0);
    expect(waiting.done).toBe(false);
    expect(queue.poll()).toBe(1);
    expect(queue.poll()).toBeNull();
  });

  it("hands out every value exactly once however many put and poll [FQ-04]", () => {
    const queue = new ElementQueue<number>(5);
    const perPutter = 10_000;
    const put = (putter: number, i: number): void => {
      if (i === perPutter) return;
      queue.put(putter, putter * perPutter + i, (accepted) => {
        if (!accepted) throw new Error("nobody wakes a putter up here");
        pending[putter] = i + 1;
      });
    };
    const pending: (number | undefined)[] = [0, 0, 0, 0, 0];
    const seen = new Uint8Array(5 * perPutter);
    let polled = 0;
    while (polled < seen.length) {
      for (let putter = 0; putter < 5; putter++) {
        const next = pending[putter];
        if (next === undefined) continue;
        pending[putter] = undefined;
        put(putter, next);
      }
      const value = queue.poll();
      if (value === null) continue;
      seen[value] = (seen[value] ?? 0) + 1;
      polled++;
    }
    expect(seen.every((count) => count === 1)).toBe(true);
    expect(queue.poll()).toBeNull();
  });

  it("has the capacity that it was given [FQ-05]", () => {
    expect(new ElementQueue(8000).remainingCapacity).toBe(8000);
    expect(() => new ElementQueue(0)).toThrow(/at least 1/);
  });

  it("has room for two elements by default [FQ-06]", () => {
    expect(DEFAULT_ELEMENT_QUEUE_CAPACITY).toBe(2);
    expect(new ElementQueue().remainingCapacity).toBe(2);
  });

  it("is not available while it is empty [FQ-07]", () => {
    expect(new ElementQueue().availability().isDone).toBe(false);
  });

  it("is available after a put [FQ-08]", () => {
    const queue = new ElementQueue<number>();
    put(queue, 1);
    expect(queue.availability().isDone).toBe(true);
  });

  it("completes on a put the future that was taken before [FQ-09]", () => {
    const queue = new ElementQueue<number>();
    let heard = 0;
    queue.availability().onDone(() => heard++);
    put(queue, 1);
    put(queue, 2);
    expect(heard).toBe(1);
  });

  it("is not available after its last element was polled [FQ-10]", () => {
    const queue = new ElementQueue<number>();
    put(queue, 1);
    queue.poll();
    expect(queue.availability().isDone).toBe(false);
  });

  it("is available after notifyAvailable, though it is empty [FQ-11]", () => {
    const queue = new ElementQueue<number>();
    queue.notifyAvailable();
    expect(queue.availability().isDone).toBe(true);
  });

  it("completes on notifyAvailable the future that was taken before [FQ-12]", () => {
    const queue = new ElementQueue<number>();
    const future = queue.availability();
    queue.notifyAvailable();
    expect(future.isDone).toBe(true);
  });

  it("is not available after a notification and a poll that found nothing [FQ-13]", () => {
    const queue = new ElementQueue<number>();
    queue.notifyAvailable();
    queue.poll();
    expect(queue.availability().isDone).toBe(false);
  });

  it("answers with the shared instance while it is available [FQ-14]", () => {
    const queue = new ElementQueue<number>();
    put(queue, 1);
    expect(queue.availability()).toBe(AVAILABLE);
  });

  it("gives a freed slot to the next putter in line when the first was woken up", () => {
    const queue = new ElementQueue<number>(1);
    put(queue, 1);
    const first = put(queue, 2, 0);
    const second = put(queue, 3, 1);
    queue.wakeUpPutter(0);
    expect([first.done, second.done]).toEqual([false, undefined]);
    expect(queue.poll()).toBe(1);
    expect(second.done).toBe(true);
    expect(queue.poll()).toBe(3);
  });

  it("ends the next waiting of a putter that was woken up while it did not wait", () => {
    const queue = new ElementQueue<number>(1);
    queue.wakeUpPutter(0);
    expect(put(queue, 1, 0).done).toBe(true);
    expect(put(queue, 2, 0).done).toBe(false);
    expect(put(queue, 3, 0).done).toBeUndefined();
  });

  it("loses no element and leaves nobody waiting beside a free slot, whatever happens", () => {
    const operation = fc.oneof(
      fc.record({ op: fc.constant("put" as const), putter: fc.nat(3) }),
      fc.record({ op: fc.constant("poll" as const) }),
      fc.record({ op: fc.constant("wakeUp" as const), putter: fc.nat(3) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(operation), (capacity, operations) => {
        const queue = new ElementQueue<number>(capacity);
        const accepted: number[] = [];
        const polled: number[] = [];
        let waiting = 0;
        operations.forEach((operation, value) => {
          if (operation.op === "poll") {
            const element = queue.poll();
            if (element !== null) polled.push(element);
          } else if (operation.op === "wakeUp") queue.wakeUpPutter(operation.putter);
          else {
            waiting++;
            queue.put(operation.putter, value, (ok) => {
              waiting--;
              if (ok) accepted.push(value);
            });
          }
          expect(waiting === 0 || queue.remainingCapacity === 0).toBe(true);
          expect(queue.availability().isDone || queue.isEmpty).toBe(true);
        });
        for (let element = queue.poll(); element !== null; element = queue.poll()) {
          polled.push(element);
        }
        expect(polled).toEqual(accepted);
        expect(waiting).toBe(0);
      }),
    );
  });
});
