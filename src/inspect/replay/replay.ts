import { VirtualClock } from "../../mailbox/index.js";
import type { ReplayDifference } from "../protocol.js";
import type { RecordedRun, ReplayLine } from "./recorded-run.js";
import {
  begin,
  type Replayed,
  type ReplayedMachine,
  take,
  unknownMachine,
} from "./replayed-machine.js";

/** Machines that have ended and are still shown. */
const MAX_ENDED = 500;
/** Moments that are kept to go back to, at least so many lines apart. */
const KEPT_MOMENTS = 128;
const LEAST_DISTANCE = 250;
/** Machines of all kept moments: then every other moment goes. */
const MAX_KEPT_MACHINES = 500_000;
/** Differences that are told; the others are counted. */
const MAX_DIFFERENCES = 1000;

/** Where a replay stands. */
interface Moment {
  readonly time: number;
  readonly machines: ReadonlyMap<string, ReplayedMachine>;
  readonly ended: readonly string[];
}

/** What the last line has done to a machine. */
export interface ReplayedStep {
  readonly session: string;
  readonly actor: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** A place to stop at: the number of a line, or what `matches` of a line. */
export type Target = number | string;

/** Stops where a machine does other than the record says. */
export const AT_DIFFERENCE = "difference";

/**
 * A record that is played again: its envelopes and steps in their order, each step through the real
 * machine, without effects, under a virtual clock.
 *
 * Owns: the machines at the current place, the clock, and moments to go back to. Called by: whoever
 * steps; synchronously.
 * Invariants: the machines at a place are the same however one came there; what is kept is bounded;
 * a machine that has done other than the record says follows the record until that describes it anew.
 */
export class Replay {
  readonly run: RecordedRun;
  /** By place; the first differences of each machine. */
  readonly #differences = new Map<number, ReplayDifference>();
  #differenceCount = 0;
  /** Differences up to here are known. */
  #farthest = 0;
  #place = 0;
  #clock: VirtualClock;
  #machines = new Map<string, ReplayedMachine>();
  #ended: string[] = [];
  #line: ReplayLine | undefined;
  #step: ReplayedStep | undefined;
  readonly #moments = new Map<number, Moment>();
  #distance: number;
  #kept = 0;

  constructor(run: RecordedRun) {
    this.run = run;
    this.#clock = new VirtualClock(run.header.startedAt);
    this.#distance = Math.max(LEAST_DISTANCE, Math.ceil(run.size / KEPT_MOMENTS));
  }

  /** How many lines have been replayed. */
  get place(): number {
    return this.#place;
  }

  get size(): number {
    return this.run.size;
  }

  /** Wall clock of the job, milliseconds. */
  get time(): number {
    return this.#clock.now();
  }

  /** The line that was replayed last. */
  get line(): ReplayLine | undefined {
    return this.#line;
  }

  /** What it has done; undefined: no machine has taken a step. */
  get step(): ReplayedStep | undefined {
    return this.#step;
  }

  get machines(): Iterable<ReplayedMachine> {
    return this.#machines.values();
  }

  machine(session: string): ReplayedMachine | undefined {
    return this.#machines.get(session);
  }

  /** Those up to the farthest place so far, in order; the first thousand. */
  get differences(): readonly ReplayDifference[] {
    return [...this.#differences.values()];
  }

  get differenceCount(): number {
    return this.#differenceCount;
  }

  difference(place: number): ReplayDifference | undefined {
    return this.#differences.get(place);
  }

  /** Replays the next line; false at the end. */
  forward(): boolean {
    if (this.#place >= this.size) return false;
    const place = this.#place + 1;
    if (this.run.hasGapBefore(place)) this.#doubtAll();
    const line = this.run.line(place);
    this.#place = place;
    this.#line = line;
    this.#step = undefined;
    this.#clock.advance(Math.max(0, line.time - this.#clock.now()));
    this.#replay(line);
    this.#farthest = Math.max(this.#farthest, place);
    if (place % this.#distance === 0) this.#keep();
    return true;
  }

  /** Goes to a place, 0 … size, from the last kept moment before it when that is nearer. */
  goTo(place: number): void {
    const target = Math.max(0, Math.min(this.size, Math.floor(place)));
    if (target === this.#place) return;
    let from = target < this.#place ? 0 : this.#place;
    for (const kept of this.#moments.keys()) {
      // The line itself is to be replayed, so that it is known what it did.
      if (kept < target && kept > from) from = kept;
    }
    if (from !== this.#place) this.#restore(from);
    while (this.#place < target) this.forward();
  }

  /** Steps forward to the target; false: it is not ahead, and the replay stands at the end. */
  runUntil(target: Target): boolean {
    if (typeof target === "number") {
      const place = this.run.placeOf(target);
      this.goTo(place);
      return place > 0;
    }
    while (this.forward()) if (this.#stopsAt(target)) return true;
    return false;
  }

  /** Steps back to the target; false: it is not behind, and the replay stays where it is. */
  runBackUntil(target: string): boolean {
    const start = this.#place;
    for (let end = start - 1; end > 0; ) {
      const begin = Math.max(0, end - this.#distance);
      this.goTo(begin);
      let found = 0;
      while (this.#place < end) {
        this.forward();
        if (this.#stopsAt(target)) found = this.#place;
      }
      if (found > 0) {
        this.goTo(found);
        return true;
      }
      end = begin;
    }
    this.goTo(start);
    return false;
  }

  #stopsAt(target: string): boolean {
    if (target === AT_DIFFERENCE) return this.#differences.has(this.#place);
    const { line } = this;
    if (line === undefined) return false;
    switch (line.kind) {
      case "envelope": {
        const { type } = line.event as { readonly type: string };
        return type === target || names(target, line.to) || names(target, line.from);
      }
      case "step": {
        const { type } = line.event as { readonly type: string };
        return type === target || names(target, this.#machines.get(line.session)?.actor ?? "");
      }
      case "machine":
        return names(target, line.actor);
      default:
        return false;
    }
  }

  #replay(line: ReplayLine): void {
    switch (line.kind) {
      case "machine": {
        const before = this.#machines.get(line.session);
        this.#did(begin(line, before), before, line.isLate === true ? "is described" : "begins");
        break;
      }
      case "step": {
        const before = this.#machines.get(line.session) ?? unknownMachine(line.session);
        this.#did(take(before, line), before, (line.event as { readonly type: string }).type);
        break;
      }
      case "stopped":
        this.#stopped(line.session);
        break;
      case "end":
        // Whatever ran is gone; in a record of several lives the next one begins.
        for (const { session, hasEnded } of [...this.#machines.values()]) {
          if (hasEnded !== true) this.#stopped(session);
        }
        break;
      case "envelope":
      case "dropped":
        break;
    }
  }

  #did({ machine, mismatch }: Replayed, before: ReplayedMachine | undefined, event: string): void {
    const { session, actor, states } = machine;
    this.#machines.set(session, machine);
    this.#step = { session, actor, from: before?.states ?? states, to: states };
    if (mismatch === undefined || this.#place <= this.#farthest) return;
    this.#differenceCount++;
    if (this.#differences.size >= MAX_DIFFERENCES) return;
    const line = this.#line?.line ?? 0;
    const facts = { place: this.#place, line, actor, machine: machine.machine, event };
    this.#differences.set(this.#place, { ...facts, ...mismatch });
  }

  #stopped(session: string): void {
    const machine = this.#machines.get(session);
    if (machine === undefined || machine.hasEnded === true) return;
    this.#machines.set(session, { ...machine, hasEnded: true });
    this.#ended.push(session);
    if (this.#ended.length <= MAX_ENDED) return;
    const oldest = this.#ended.shift();
    if (oldest !== undefined) this.#machines.delete(oldest);
  }

  /** Lines are missing: of any machine, a step may be among them. */
  #doubtAll(): void {
    for (const machine of this.#machines.values()) {
      this.#machines.set(machine.session, { ...machine, isUnsure: true });
    }
  }

  #keep(): void {
    if (this.#moments.has(this.#place)) return;
    const machines = new Map(this.#machines);
    this.#moments.set(this.#place, { time: this.time, machines, ended: [...this.#ended] });
    this.#kept += machines.size;
    if (this.#kept <= MAX_KEPT_MACHINES) return;
    this.#distance *= 2;
    for (const [place, moment] of this.#moments) {
      if (place % this.#distance === 0) continue;
      this.#moments.delete(place);
      this.#kept -= moment.machines.size;
    }
  }

  #restore(place: number): void {
    const moment = this.#moments.get(place);
    this.#place = place;
    this.#line = undefined;
    this.#step = undefined;
    this.#machines = new Map(moment?.machines);
    this.#ended = [...(moment?.ended ?? [])];
    this.#clock = new VirtualClock(moment?.time ?? this.run.header.startedAt);
  }
}

/** An address, or the beginning of one before a `*`. */
function names(target: string, address: string): boolean {
  if (target.endsWith("*")) return address.startsWith(target.slice(0, -1));
  return target === address;
}
