import { deserialize, serialize } from "node:v8";
import type { Envelope } from "./envelope.js";

/**
 * Carries envelopes to where their receivers live: in this process, a worker thread or another host.
 *
 * The contract of every transport: per sender and receiver in order; each envelope at least once
 * (the receiver drops what it has seen by its sequence); no answer to wait for.
 */
export interface Transport {
  send(envelope: Envelope): void;
  /** Where envelopes for actors of this process go; called once by the actor system. */
  connect(deliver: (envelope: Envelope) => void): void;
}

/** Hands envelopes over in memory, by reference. */
export class InProcessTransport implements Transport {
  #deliver: ((envelope: Envelope) => void) | undefined;

  connect(deliver: (envelope: Envelope) => void): void {
    this.#deliver = deliver;
  }

  send(envelope: Envelope): void {
    this.#deliver?.(envelope);
  }
}

/**
 * Serializes and deserializes each envelope on its way, as a worker or another host would.
 *
 * Tests run on it: whatever leaks by reference, or cannot be serialized, fails there.
 */
export class SerializingTransport implements Transport {
  readonly #inner: Transport;

  constructor(inner: Transport = new InProcessTransport()) {
    this.#inner = inner;
  }

  connect(deliver: (envelope: Envelope) => void): void {
    this.#inner.connect(deliver);
  }

  send(envelope: Envelope): void {
    this.#inner.send(deserialize(serialize(envelope)) as Envelope);
  }
}
