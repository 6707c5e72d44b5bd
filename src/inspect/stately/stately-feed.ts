import type { AnyEventObject } from "xstate";
import type { Cancel, Clock } from "../../mailbox/index.js";
import type { MachineDirectory, MachineRecord } from "../machine-directory.js";
import type { ProjectionLimits } from "../projection.js";
import type { BoundedSocket } from "../server/bounded-socket.js";
import { actorFrame, eventFrame, snapshotFrame } from "./stately-frames.js";

/** Milliseconds over which the snapshots of a machine become one. */
const COALESCE = 50;
/** Event frames of that time; what is beyond is left out, oldest first. */
const MAX_EVENTS = 1000;
/** Machines that a client is told of at once. */
const MAX_AT_ONCE = 500;

const INIT: AnyEventObject = { type: "xstate.init" };
const STOP: AnyEventObject = { type: "xstate.stop" };

interface Client {
  readonly socket: BoundedSocket;
  readonly registered: Set<MachineRecord>;
  /** Whose snapshot it has not got, and what brought it about. */
  readonly due: Map<MachineRecord, AnyEventObject>;
}

interface QueuedEvent {
  readonly record: MachineRecord;
  readonly text: string;
}

/**
 * Tells clients that speak the format of `@statelyai/inspect` of every machine.
 *
 * Owns: the clients, what each has still to get, and the timer. Called by: the server as clients come;
 * machines as they run, synchronously.
 * Invariants: a client gets each machine's registration before anything else of it, and its last
 * snapshot, however late it comes or slow it is, of all machines that the directory remembers; events
 * may be left out; without clients no machine is observed.
 */
export class StatelyFeed {
  readonly #directory: MachineDirectory;
  readonly #clock: Clock;
  readonly #limits: ProjectionLimits;
  readonly #clients = new Set<Client>();
  readonly #stopWatching: Cancel;
  #events: QueuedEvent[] = [];
  #stopObserving: Cancel | undefined;
  #cancelFlush: Cancel | undefined;

  constructor(directory: MachineDirectory, clock: Clock, limits: ProjectionLimits) {
    this.#directory = directory;
    this.#clock = clock;
    this.#limits = limits;
    this.#stopWatching = directory.watch({
      started: (record) => this.#changed(record, INIT),
      ended: (record) => this.#changed(record, STOP),
      forgotten: (record) => {
        for (const { registered, due } of this.#clients) {
          registered.delete(record);
          due.delete(record);
        }
      },
    });
  }

  /** From now on the socket gets everything; the caller calls what is returned when it has closed. */
  add(socket: BoundedSocket): () => void {
    const client: Client = { socket, registered: new Set(), due: new Map() };
    for (const record of this.#directory.records()) client.due.set(record, INIT);
    this.#clients.add(client);
    this.#stopObserving ??= this.#observe();
    this.#schedule();
    return () => {
      this.#clients.delete(client);
      if (this.#clients.size > 0) return;
      this.#stopObserving?.();
      this.#stopObserving = undefined;
      this.#events = [];
    };
  }

  /** Sends what is left, and closes. */
  close(): void {
    this.#stopWatching();
    this.#stopObserving?.();
    this.#cancelFlush?.();
    const events = this.#takeEvents();
    for (const client of this.#clients) {
      this.#sendTo(client, events, Number.POSITIVE_INFINITY);
      client.socket.close(1001, "the job has ended");
    }
    this.#clients.clear();
  }

  #observe(): Cancel {
    return this.#directory.observe((record, event) => {
      if (event.type === "@xstate.snapshot") this.#changed(record, event.event);
      else if (event.type === "@xstate.event") this.#queue(record, event.event);
    });
  }

  #changed(record: MachineRecord, event: AnyEventObject): void {
    if (this.#clients.size === 0) return;
    for (const client of this.#clients) client.due.set(record, event);
    this.#schedule();
  }

  /** At once: nobody knows what becomes of an event after it has been handled. */
  #queue(record: MachineRecord, event: AnyEventObject): void {
    if (this.#events.length >= MAX_EVENTS) this.#events.shift();
    const frame = eventFrame(record, event, this.#clock.now(), this.#limits);
    this.#events.push({ record, text: JSON.stringify(frame) });
    this.#schedule();
  }

  #schedule(): void {
    this.#cancelFlush ??= this.#clock.schedule(COALESCE, () => {
      this.#cancelFlush = undefined;
      const events = this.#takeEvents();
      let isMoreDue = false;
      for (const client of this.#clients) {
        if (!client.socket.isBehind) this.#sendTo(client, events, MAX_AT_ONCE);
        isMoreDue ||= client.due.size > 0;
      }
      if (isMoreDue) this.#schedule();
    });
  }

  #takeEvents(): readonly QueuedEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #sendTo(client: Client, events: readonly QueuedEvent[], limit: number): void {
    for (const { record, text } of events) {
      this.#register(client, record);
      client.socket.send(text);
    }
    let count = 0;
    for (const [record, event] of client.due) {
      if (count++ >= limit) break;
      client.due.delete(record);
      this.#register(client, record);
      const frame = snapshotFrame(record, event, this.#clock.now(), this.#limits);
      client.socket.send(JSON.stringify(frame));
    }
  }

  #register({ socket, registered }: Client, record: MachineRecord): void {
    if (registered.has(record)) return;
    registered.add(record);
    socket.send(JSON.stringify(actorFrame(record, this.#limits)));
  }
}
