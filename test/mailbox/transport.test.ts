import { describe, expect, it } from "vitest";
import {
  type ActorEvent,
  type Envelope,
  InProcessTransport,
  SerializingTransport,
} from "../../src/mailbox/index.js";

interface Payload extends ActorEvent {
  readonly bytes: Uint8Array;
  readonly limit: number;
  readonly nested: { readonly ids: readonly string[] };
}

const payload: Payload = {
  type: "Splits",
  bytes: new Uint8Array([0, 128, 255]),
  limit: Number.NEGATIVE_INFINITY,
  nested: { ids: ["a", "b"] },
};

const envelope = (event: ActorEvent): Envelope => ({
  from: "a",
  to: "b",
  epoch: 1,
  sequence: 7,
  event,
});

describe("InProcessTransport", () => {
  it("hands over the very envelope, in order", () => {
    const transport = new InProcessTransport();
    const got: Envelope[] = [];
    transport.connect((one) => got.push(one));
    const sent = [envelope(payload), envelope({ type: "Other" })];
    for (const one of sent) transport.send(one);
    expect(got[0]).toBe(sent[0]);
    expect(got[1]).toBe(sent[1]);
  });
});

describe("SerializingTransport", () => {
  it("brings an equal envelope to the other side, and nothing by reference", () => {
    const transport = new SerializingTransport();
    const got: Envelope[] = [];
    transport.connect((one) => got.push(one));
    transport.send(envelope(payload));
    const event = got[0]?.event as Payload;
    expect(got).toEqual([envelope(payload)]);
    expect(event).not.toBe(payload);
    expect(event.nested).not.toBe(payload.nested);
    expect(event.bytes.buffer).not.toBe(payload.bytes.buffer);
    expect(event.bytes).toBeInstanceOf(Uint8Array);
  });

  it("refuses a function at the sender", () => {
    const transport = new SerializingTransport();
    transport.connect(() => {});
    const event = { type: "Bad", callback: () => {} };
    expect(() => transport.send(envelope(event))).toThrow(/could not be cloned/);
  });
});
