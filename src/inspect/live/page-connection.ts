import type { MachineRecord } from "../machine-directory.js";
import { type ProjectionLimits, project } from "../projection.js";
import type {
  ActorRow,
  ActorSnapshot,
  Actors,
  MailboxEnvelope,
  ModeChange,
  ServerMessage,
  Transition,
  WatermarkSample,
} from "../protocol.js";
import type { BoundedSocket } from "../server/bounded-socket.js";
import { DroppingQueue } from "./patterns.js";
import { Subscription } from "./subscription.js";

/** Rows of one message, and of one flush: a page draws between two. */
const ROWS_PER_MESSAGE = 500;
const ROWS_PER_FLUSH = 2000;
/** Events of one kind that wait for a page, and that one flush takes. */
const MAX_WAITING = 5000;
const EVENTS_PER_FLUSH = 1000;
const MAX_WAITING_SAMPLES = 40_000;
const SAMPLES_PER_FLUSH = 5000;

/** What a page may be told of a machine. */
export interface ShownMachine extends Pick<MachineRecord, "name" | "definition" | "states"> {
  readonly snapshot: Pick<MachineRecord["snapshot"], "value" | "status" | "context">;
}

/** What a page is told from. */
export interface PageSources {
  readonly row: (id: string) => ActorRow | undefined;
  readonly record: (id: string) => ShownMachine | undefined;
  readonly counts: () => Pick<Actors, "total" | "unlistedSplits">;
  readonly now: () => number;
  readonly limits: ProjectionLimits;
}

/**
 * One page that looks at the job.
 *
 * Owns: its subscription, and what it has still to get. Called by: the feed.
 * Invariants: what waits is bounded; rows and snapshots are read when they are sent, so a slow page
 * gets the newest ones; a definition goes out once, before the first row that names it.
 */
export class PageConnection {
  subscription = new Subscription();
  readonly #socket: BoundedSocket;
  readonly #sources: PageSources;
  readonly #changed = new Set<string>();
  readonly #removed = new Set<string>();
  readonly #snapshots = new Set<string>();
  readonly #definitions = new Set<string>();
  readonly #transitions = new DroppingQueue<Transition>(MAX_WAITING);
  readonly #envelopes = new DroppingQueue<MailboxEnvelope>(MAX_WAITING);
  readonly #modes = new DroppingQueue<ModeChange>(MAX_WAITING_SAMPLES);
  readonly #watermarks = new DroppingQueue<WatermarkSample>(MAX_WAITING_SAMPLES);
  /** At most one of each type but "figures". */
  #others: ServerMessage[] = [];
  #first: ServerMessage | undefined;
  #countsDue = true;

  constructor(socket: BoundedSocket, sources: PageSources, ids: Iterable<string>) {
    this.#socket = socket;
    this.#sources = sources;
    for (const id of ids) this.#changed.add(id);
  }

  /** Whether a flush would send something. */
  get isDue(): boolean {
    return (
      this.#countsDue ||
      this.#changed.size > 0 ||
      this.#removed.size > 0 ||
      this.#snapshots.size > 0 ||
      this.#others.length > 0 ||
      this.#first !== undefined ||
      !this.#transitions.isEmpty ||
      !this.#envelopes.isEmpty ||
      !this.#modes.isEmpty ||
      !this.#watermarks.isEmpty
    );
  }

  changed(id: string): void {
    this.#changed.add(id);
    this.#removed.delete(id);
  }

  removed(id: string): void {
    this.#changed.delete(id);
    this.#removed.add(id);
  }

  subscribe(subscription: Subscription): void {
    this.subscription = subscription;
    this.#snapshots.clear();
    for (const id of subscription.snapshots) this.#snapshots.add(id);
    if (!subscription.wantsMailbox) this.#envelopes.clear();
  }

  snapshotChanged(id: string): void {
    if (this.subscription.snapshots.has(id)) this.#snapshots.add(id);
  }

  transition(transition: Transition): void {
    if (this.subscription.transitions.matches(transition.actor)) this.#transitions.push(transition);
  }

  envelope(envelope: MailboxEnvelope): void {
    this.#envelopes.push(envelope);
  }

  timeLines(modes: readonly ModeChange[], watermarks: readonly WatermarkSample[]): void {
    for (const mode of modes) this.#modes.push(mode);
    for (const watermark of watermarks) this.#watermarks.push(watermark);
  }

  /** Replaces a message of its type that still waits. */
  tell(message: ServerMessage): void {
    this.#others = this.#others.filter(({ type }) => type !== message.type);
    this.#others.push(message);
  }

  /** Goes out before all that waits; replaces one that still does. */
  tellFirst(message: ServerMessage): void {
    this.#first = message;
  }

  /** Whether what goes out first has not gone out yet. */
  get hasFirst(): boolean {
    return this.#first !== undefined;
  }

  /** Transitions and envelopes that wait are void. */
  forgetEvents(): void {
    this.#transitions.clear();
    this.#envelopes.clear();
  }

  /** Adds samples to those that still wait; of many the last 600 go out. */
  figures(samples: Extract<ServerMessage, { type: "figures" }>["samples"]): void {
    const waiting = this.#others.find((message) => message.type === "figures");
    const all = waiting?.type === "figures" ? [...waiting.samples, ...samples] : samples;
    this.tell({ type: "figures", samples: all.slice(-600) });
  }

  /** Before anything else. */
  sendNow(message: ServerMessage): void {
    this.#socket.send(JSON.stringify([message]));
  }

  /** Sends what is due, unless the page is behind; `all`: whatever it is and however much. */
  flush(all = false): void {
    if (!this.isDue || (!all && this.#socket.isBehind)) return;
    do {
      const frame = this.#frame();
      if (frame.length > 0) this.#socket.send(JSON.stringify(frame));
    } while (all && this.isDue);
  }

  close(): void {
    this.#socket.close(1001, "the inspector ends");
  }

  #frame(): ServerMessage[] {
    const frame: ServerMessage[] = this.#first === undefined ? [] : [this.#first];
    this.#first = undefined;
    this.#takeRows(frame);
    for (const id of this.#snapshots) {
      const snapshot = this.#snapshotOf(id);
      if (snapshot !== undefined) frame.push(snapshot);
    }
    this.#snapshots.clear();
    if (!this.#transitions.isEmpty) {
      frame.push({ type: "transitions", ...this.#transitions.take(EVENTS_PER_FLUSH) });
    }
    if (!this.#envelopes.isEmpty) {
      frame.push({ type: "mailbox", ...this.#envelopes.take(EVENTS_PER_FLUSH) });
    }
    if (!this.#modes.isEmpty || !this.#watermarks.isEmpty) {
      const modes = this.#modes.take(SAMPLES_PER_FLUSH);
      const watermarks = this.#watermarks.take(SAMPLES_PER_FLUSH);
      frame.push({
        type: "timelines",
        modes: modes.items,
        watermarks: watermarks.items,
        dropped: modes.dropped + watermarks.dropped,
      });
    }
    frame.push(...this.#others);
    this.#others = [];
    return frame;
  }

  #takeRows(frame: ServerMessage[]): void {
    if (!this.#countsDue && this.#changed.size === 0 && this.#removed.size === 0) return;
    this.#countsDue = false;
    const ids: string[] = [];
    for (const id of this.#changed) {
      if (ids.push(id) >= ROWS_PER_FLUSH) break;
    }
    let removed = [...this.#removed];
    this.#removed.clear();
    for (let from = 0; from === 0 || from < ids.length; from += ROWS_PER_MESSAGE) {
      const rows = ids.slice(from, from + ROWS_PER_MESSAGE).flatMap((id) => {
        this.#changed.delete(id);
        this.#define(id, frame);
        return this.#sources.row(id) ?? [];
      });
      frame.push({ type: "actors", rows, removed, ...this.#sources.counts() });
      removed = [];
    }
  }

  #define(id: string, frame: ServerMessage[]): void {
    const record = this.#sources.record(id);
    if (record === undefined || this.#definitions.has(record.name)) return;
    this.#definitions.add(record.name);
    frame.push({ type: "machine", machine: record.name, config: JSON.parse(record.definition) });
  }

  #snapshotOf(id: string): ActorSnapshot | undefined {
    const record = this.#sources.record(id);
    if (record === undefined) return undefined;
    const { value, status, context } = record.snapshot;
    return {
      type: "snapshot",
      actor: id,
      time: this.#sources.now(),
      states: record.states,
      value,
      status,
      context: project(context, this.#sources.limits),
    };
  }
}
