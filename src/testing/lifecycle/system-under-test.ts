import type { AnyStateMachine, EventFromLogic, SnapshotFrom } from "xstate";
import type { Scheduler } from "../../mailbox/index.js";

/**
 * What a system is given to run on, so that the test says in which order things happen.
 *
 * In single-file tests everything runs in order and is settled after each event; in interleavings a
 * seeded scheduler picks.
 */
export interface LifecyclePorts {
  /** For an `ActorSystem` or whatever else defers work. */
  readonly scheduler: Scheduler;
  /** Lets a promise, such as that of an I/O call, settle when the scheduler says so. */
  gate<T>(work: Promise<T>): Promise<T>;
  /** Whether several events are under way at once. */
  readonly isInterleaved: boolean;
}

/** One running system that is compared with the machine. */
export interface LifecycleSystem<E> {
  /** Brings the event about, and may wait until it is handled; what it throws fails the test. */
  send(event: E): void | Promise<void>;
  /**
   * What can be seen of it now, as plain data; must equal what `expected` says of the machine. Asked once
   * after `create` and once after each event: it may tell what has happened since it was asked last.
   */
  state(): unknown | Promise<unknown>;
  dispose?(): void | Promise<void>;
}

/** How a test gets fresh systems. */
export interface SystemUnderTest<E> {
  create(ports: LifecyclePorts): LifecycleSystem<E> | Promise<LifecycleSystem<E>>;
}

/** Where the machine stands. */
export interface ModelStep<M extends AnyStateMachine> {
  /** Its state; `RUNNING.idle` for nested states, regions joined by `, `. */
  readonly state: string;
  readonly context: SnapshotFrom<M> extends { readonly context: infer C } ? C : never;
  /** The named actions that it asked for since the system was asked last, in order; no `assign`. */
  readonly effects: readonly string[];
  /** The same by event: several when events come at once. */
  readonly steps: readonly (readonly string[])[];
  readonly snapshot: SnapshotFrom<M>;
}

/** A part of the machine that is not tried, and why. */
export interface LifecycleExclusion<M extends AnyStateMachine> {
  /** Says why the system cannot get there. */
  readonly reason: string;
  /** A state with its inner states; without `event` it need not be reached. */
  readonly state?: string;
  /** Sent in no such state; transitions on it need not be taken. */
  readonly event?: EventFromLogic<M>["type"] | "*" | "";
  /** Which of the transitions on the event, the first being 0; then the event is sent all the same. */
  readonly branch?: number;
  /** Only these events of the type, then. */
  readonly when?: (event: EventFromLogic<M>, snapshot: SnapshotFrom<M>) => boolean;
}

/** Random sequences: how many, how long, and which to run again. */
export interface SequenceOptions {
  /** Default 50. */
  readonly runs?: number;
  /** The longest sequence; default 30. */
  readonly events?: number;
  /** Of a failure: runs only that case. */
  readonly path?: string;
  /** Of a failure of sequences: with `path`, runs the shrunk sequence. */
  readonly replayPath?: string;
}

/** Events of several senders to several systems at once. */
export interface InterleavingOptions {
  /** Default 30. */
  readonly runs?: number;
  /** Systems that share one scheduler; default 2. */
  readonly systems?: number;
  /** Senders of each system; default 2, at most 3. */
  readonly senders?: number;
  /** Events of each sender at most; default 3, at most 4. */
  readonly events?: number;
  /**
   * True: the systems do nothing about an event that comes where it would end them (`endsAfter`).
   * Default: no such order is tried.
   */
  readonly dropIllegal?: boolean;
  readonly path?: string;
}

/** How far the machine is explored; past a limit nothing is tested. */
export interface LifecycleLimit {
  /** Default 2000. */
  readonly states?: number;
  /** Default 50,000. */
  readonly edges?: number;
  /** Default 10,000. */
  readonly milliseconds?: number;
}

/** How `testLifecycle` sees a machine. */
export interface LifecycleOptions<M extends AnyStateMachine> {
  /** Of the tests; default: the machine's id. */
  readonly name?: string;
  readonly input?: unknown;
  /** The alphabet: all, or those for a snapshot; default: each known type without payload. */
  readonly events?:
    | readonly EventFromLogic<M>[]
    | ((snapshot: SnapshotFrom<M>) => readonly EventFromLogic<M>[]);
  /** What a system must show; default: `state` alone. */
  readonly expected?: (step: ModelStep<M>) => unknown;
  /** Two snapshots with the same text are the same state; default: the state and the whole context. */
  readonly serializeState?: (snapshot: SnapshotFrom<M>) => string;
  readonly limit?: LifecycleLimit;
  readonly exclude?: readonly LifecycleExclusion<M>[];
  /** Actions after which the system takes nothing more, such as one that throws. */
  readonly endsAfter?: readonly string[];
  /** Of sequences and interleavings; default 1. */
  readonly seed?: number;
  readonly sequences?: SequenceOptions | false;
  readonly interleavings?: InterleavingOptions | false;
}

/** What the tests of a machine reach. */
export interface LifecycleReport {
  readonly states: number;
  readonly edges: number;
  /** State nodes and transitions of the machine, without those that are excluded. */
  readonly stateNodes: { readonly total: number; readonly covered: number };
  readonly transitions: { readonly total: number; readonly covered: number };
  /** What no test reaches, and exclusions that exclude nothing. */
  readonly missing: readonly string[];
}
