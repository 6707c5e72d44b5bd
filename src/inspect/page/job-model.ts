import type {
  ActorRow,
  ActorSnapshot,
  Checkpoints,
  Ended,
  FigureSample,
  Hello,
  MachineDefinition,
  MailboxEnvelope,
  ServerMessage,
  Transition,
} from "../protocol.js";
import type { PageClock } from "./browser-clock.js";
import { TimeLineStore } from "./time-line-store.js";

/** What a view looks at: it draws again when the part's number has changed. */
export type Part =
  | "hello"
  | "rows"
  | "structure"
  | "machines"
  | "figures"
  | "timelines"
  | "mailbox"
  | "transitions"
  | "snapshots"
  | "checkpoints";

const SAMPLES = 2400;
const ENVELOPES = 2000;
/** Splits that have ended and whose lanes can still be looked at. */
const ENDED_SPLITS = 500;

/**
 * Owns: everything that the page knows about the job. Called by: the connection (`apply`) and views.
 * Invariants: bounded whatever the job does; a new connection begins with nothing.
 */
export class JobModel {
  hello: Hello | undefined;
  ended: Ended | undefined;
  readonly rows = new Map<string, ActorRow>();
  readonly machines = new Map<string, MachineDefinition>();
  readonly snapshots = new Map<string, ActorSnapshot>();
  /** The last transition of each actor that transitions are known of. */
  readonly transitions = new Map<string, Transition>();
  readonly timeLines = new TimeLineStore();
  figures: FigureSample[] = [];
  envelopes: MailboxEnvelope[] = [];
  /** Envelopes that did not fit on the way. */
  droppedEnvelopes = 0;
  checkpoints: Checkpoints | undefined;
  unlistedSplits = 0;
  readonly #children = new Map<string, Set<string>>();
  readonly #sorted = new Map<string, readonly string[]>();
  readonly #sortKeys = new Map<string, string>();
  readonly #clock: PageClock;
  /** Oldest first. */
  readonly #endedSplits = new Set<string>();
  readonly #versions = new Map<Part, number>();
  #newest = 0;
  #newestAt = 0;
  #endedRows = 0;
  #showsEnded = false;

  constructor(clock: PageClock) {
    this.#clock = clock;
  }

  /** A number that grows whenever something of the part changes. */
  version(part: Part): number {
    return this.#versions.get(part) ?? 0;
  }

  /** The job's clock, guessed between two messages. */
  get now(): number {
    if (this.ended !== undefined) return this.#newest;
    const since = this.#clock.relativeTime() - this.#newestAt;
    return this.#newest + Math.min(since, 2 * (this.hello?.interval ?? 0));
  }

  /** How many rows there are of actors that run no more. */
  get endedRows(): number {
    return this.#endedRows;
  }

  /** Whether views show those too. */
  get showsEnded(): boolean {
    return this.#showsEnded;
  }

  set showsEnded(shows: boolean) {
    if (shows === this.#showsEnded) return;
    this.#showsEnded = shows;
    this.#sorted.clear();
    this.#changed("structure");
  }

  /** Ids of the rows below that are shown, in the order people would list them. */
  children(id: string): readonly string[] {
    let sorted = this.#sorted.get(id);
    if (sorted === undefined) {
      sorted = this.allChildren(id).filter(
        (child) => this.#showsEnded || this.rows.get(child)?.ended !== true,
      );
      this.#sorted.set(id, sorted);
    }
    return sorted;
  }

  /** The same with those that have ended, whether they are shown or not. */
  allChildren(id: string): readonly string[] {
    return [...(this.#children.get(id) ?? [])]
      .flatMap((child) => this.rows.get(child) ?? [])
      .sort((a, b) => rank(a) - rank(b) || this.#compareNames(a, b))
      .map((row) => row.id);
  }

  /** How many rows there are below, of those that are shown; without sorting them. */
  childCount(id: string): number {
    const sorted = this.#sorted.get(id);
    if (sorted !== undefined) return sorted.length;
    let count = 0;
    for (const child of this.#children.get(id) ?? []) {
      if (this.#showsEnded || this.rows.get(child)?.ended !== true) count++;
    }
    return count;
  }

  /** Forgets the job: a new connection tells everything again. */
  clear(): void {
    this.hello = undefined;
    this.ended = undefined;
    for (const map of [this.rows, this.machines, this.snapshots, this.transitions]) map.clear();
    this.#children.clear();
    this.#sorted.clear();
    this.#sortKeys.clear();
    this.#endedSplits.clear();
    this.#endedRows = 0;
    this.timeLines.clear();
    this.figures = [];
    this.envelopes = [];
    this.droppedEnvelopes = 0;
    this.checkpoints = undefined;
    for (const part of this.#versions.keys()) this.#changed(part);
  }

  /** Forgets the envelopes: the page has asked for others. */
  clearEnvelopes(): void {
    this.envelopes = [];
    this.droppedEnvelopes = 0;
    this.#changed("mailbox");
  }

  apply(message: ServerMessage): void {
    switch (message.type) {
      case "hello":
        this.hello = message;
        this.#sawTime(message.time);
        this.#changed("hello");
        break;
      case "machine":
        this.machines.set(message.machine, message);
        this.#changed("machines");
        break;
      case "actors":
        for (const id of message.removed) this.#remove(id);
        for (const row of message.rows) this.#put(row);
        this.unlistedSplits = message.unlistedSplits;
        this.#changed("rows");
        break;
      case "snapshot":
        this.snapshots.set(message.actor, message);
        this.#changed("snapshots");
        break;
      case "transitions":
        for (const item of message.items) this.transitions.set(item.actor, item);
        this.#changed("transitions");
        break;
      case "mailbox":
        this.envelopes.push(...message.items);
        if (this.envelopes.length > ENVELOPES) {
          this.envelopes = this.envelopes.slice(-ENVELOPES / 2);
        }
        this.droppedEnvelopes += message.dropped;
        this.#changed("mailbox");
        break;
      case "timelines":
        this.timeLines.add(message);
        for (const { time } of message.modes.slice(-1)) this.#sawTime(time);
        this.#changed("timelines");
        break;
      case "figures":
        this.figures.push(...message.samples);
        if (this.figures.length > SAMPLES) this.figures = this.figures.slice(-SAMPLES * 0.8);
        for (const { time } of message.samples.slice(-1)) this.#sawTime(time);
        this.#changed("figures");
        break;
      case "checkpoints":
        this.checkpoints = message;
        this.#changed("checkpoints");
        break;
      case "ended":
        this.ended = message;
        this.#changed("hello");
        // Nothing else is left to be looked at.
        this.showsEnded = true;
        break;
      case "refused":
        console.error(`the job refuses a request of this page: ${message.message}`);
    }
  }

  #sawTime(time: number): void {
    if (time <= this.#newest) return;
    this.#newest = time;
    this.#newestAt = this.#clock.relativeTime();
  }

  #put(row: ActorRow): void {
    if (row.ended !== true) this.#endedSplits.delete(row.id);
    const before = this.rows.get(row.id);
    this.rows.set(row.id, row);
    const [ended, had] = [row.ended === true, before?.ended === true];
    this.#endedRows += Number(ended) - Number(had);
    if (before?.parent === row.parent && before?.name === row.name && ended === had) return;
    if (before?.parent !== undefined) this.#unlink(before);
    if (row.parent !== undefined) {
      const siblings = this.#children.get(row.parent) ?? new Set();
      siblings.add(row.id);
      this.#children.set(row.parent, siblings);
      this.#sorted.delete(row.parent);
    }
    this.#changed("structure");
  }

  /** A split's lane stays for a while: who looks back wants to see it. */
  #remove(id: string): void {
    const row = this.rows.get(id);
    if (row?.kind === "split") {
      this.#put({ ...row, mode: "stopped", ended: true });
      this.#endedSplits.add(id);
      if (this.#endedSplits.size <= ENDED_SPLITS) return;
      const [oldest] = this.#endedSplits;
      if (oldest !== undefined) this.#drop(oldest);
    } else {
      this.#drop(id);
    }
  }

  #drop(id: string): void {
    const row = this.rows.get(id);
    if (row === undefined) return;
    this.rows.delete(id);
    this.#endedSplits.delete(id);
    this.#sortKeys.delete(id);
    if (row.ended === true) this.#endedRows--;
    this.#unlink(row);
    this.snapshots.delete(id);
    this.transitions.delete(id);
    this.timeLines.remove(id);
    this.#changed("structure");
  }

  #unlink({ id, parent }: ActorRow): void {
    if (parent === undefined) return;
    const siblings = this.#children.get(parent);
    siblings?.delete(id);
    if (siblings?.size === 0) this.#children.delete(parent);
    this.#sorted.delete(parent);
  }

  /** With the numbers in them in order; keys, as comparing ten thousand names by a collator is slow. */
  #compareNames(a: ActorRow, b: ActorRow): number {
    const [one, other] = [this.#sortKey(a), this.#sortKey(b)];
    return one < other ? -1 : one > other ? 1 : 0;
  }

  #sortKey({ id, name }: ActorRow): string {
    let key = this.#sortKeys.get(id);
    if (key === undefined) {
      key = name.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(15, "0"));
      this.#sortKeys.set(id, key);
    }
    return key;
  }

  #changed(part: Part): void {
    this.#versions.set(part, this.version(part) + 1);
  }
}

/** Those that work before those that have ended, and machines of an actor before its splits. */
function rank({ kind, ended }: ActorRow): number {
  return (ended === true ? 100 : 0) + RANKS.indexOf(kind);
}

const RANKS: readonly ActorRow["kind"][] = [
  "job",
  "checkpoint-coordinator",
  "pipeline",
  "coordinator",
  "subtask",
  "operator",
  "machine",
  "fetcher-manager",
  "fetcher",
  "split",
];
