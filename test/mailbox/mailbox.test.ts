import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Envelope, MAILBOX_LIMIT, Mailbox } from "../../src/mailbox/index.js";

const envelope = (sequence: number): Envelope => ({
  from: "a",
  to: "b",
  epoch: 0,
  sequence,
  event: { type: "Count" },
});

describe("Mailbox", () => {
  it("gives envelopes back in the order in which they came, for any interleaving", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 300 }), (steps) => {
        const mailbox = new Mailbox();
        let put = 0;
        let taken = 0;
        for (const isPut of steps) {
          if (isPut) mailbox.enqueue(envelope(put++));
          else if (taken < put) expect(mailbox.dequeue()?.sequence).toBe(taken++);
          else expect(mailbox.dequeue()).toBeUndefined();
          expect(mailbox.size).toBe(put - taken);
        }
      }),
    );
  });

  it("keeps the order across its own compaction of thousands of taken envelopes", () => {
    const mailbox = new Mailbox();
    for (let i = 0; i < 5000; i++) mailbox.enqueue(envelope(i));
    for (let i = 0; i < 4000; i++) expect(mailbox.dequeue()?.sequence).toBe(i);
    for (let i = 5000; i < 6000; i++) mailbox.enqueue(envelope(i));
    expect(mailbox.size).toBe(2000);
    for (let i = 4000; i < 6000; i++) expect(mailbox.dequeue()?.sequence).toBe(i);
    expect(mailbox.dequeue()).toBeUndefined();
  });

  it("refuses what is beyond its limit, naming both ends and the event", () => {
    const mailbox = new Mailbox(2);
    mailbox.enqueue(envelope(1));
    mailbox.enqueue(envelope(2));
    expect(() => mailbox.enqueue(envelope(3))).toThrow(
      expect.objectContaining({
        code: "MAILBOX_FULL",
        message: "the mailbox of b holds 2 events; Count from a does not fit",
      }),
    );
    mailbox.dequeue();
    mailbox.enqueue(envelope(3));
    expect(mailbox.size).toBe(2);
  });

  it("has a limit when none is given", () => {
    expect(MAILBOX_LIMIT).toBeLessThan(Number.POSITIVE_INFINITY);
  });
});
