/**
 * What the inspector's server and its page say to each other, as JSON over a WebSocket at `/live`.
 *
 * **Frames.** Each WebSocket message from the server is a JSON array of `ServerMessage`s, in order; each
 * message from the page is one `PageMessage`. A page takes types that it does not know as nothing.
 *
 * **Order.** The first frame begins with `hello`. Then come `machine` (each definition once, before the
 * first actor that runs it), `actors` until every actor has been told (500 rows a message, so a big job
 * takes several frames), `figures` and `timelines` with what is remembered of the past, `checkpoints`.
 * From then on only what changes.
 *
 * **Rows, not events.** An actor is a row with an id; a row that changes is sent whole, a row that is
 * gone is named in `removed`. A page that falls behind gets the newest row of each actor, never all the
 * ones between. Transitions, envelopes and time line samples are events: they wait in a bounded queue
 * for each page, and `dropped` says how many did not fit since the last message of that type.
 *
 * **Subscriptions.** Nothing but rows, figures, time lines and checkpoints is sent unasked. `subscribe`
 * replaces what was asked before: snapshots of single actors, transitions and mailbox envelopes of the
 * actors that match. A job costs more only for what its pages have asked for.
 *
 * **Actors.** The tree: `job` → `pipeline` → `coordinator` and `subtask` → `operator`, `fetcher-manager`,
 * `fetcher`, … ; `split`s hang below their subtask. Ids are mailbox addresses where the actor has a
 * mailbox (`mailbox: true`), so `from` and `to` of an envelope name rows, but for a few actors that have
 * none (the client, alignment groups). The attempt of a subtask is in its id: after a failover it is
 * another row.
 *
 * **Replays.** A record that is replayed is served by the same server: `hello.replay` is true, and there
 * are no figures, time lines and checkpoints. `replay` says where it stands, first and after each move;
 * `replay.step`, `replay.back` and `replay.goto` move it, for every page that looks at it. What rows,
 * snapshots, envelopes and transitions tell is as it was at that place. After `isReset: true` all
 * envelopes and transitions that the page knows are void: those before the place, up to 200 that the
 * subscription asks for, are sent again.
 *
 * **Numbers.** Watermarks may be infinite, which JSON has not: see `Watermark`. Times are wall clock
 * milliseconds of the job's clock; durations are milliseconds.
 *
 * **Projected data.** Contexts, events and configurations are plain JSON with marks for what JSON has
 * not (`{"$bigint": "1"}`, `{"$map": […]}`, …: see projection.ts), cut to a depth and a size; secrets
 * are `"[redacted]"`.
 */
export const PROTOCOL_VERSION = 1;

/** The WebSocket paths of the server: this protocol, and frames of `@statelyai/inspect`. */
export const LIVE_PATH = "/live";
export const STATELY_PATH = "/stately";

/** Event time in milliseconds; infinite where there is none so far, or at the end of the input. */
export type Watermark = number | "Infinity" | "-Infinity";

export type ActorKind =
  | "job"
  | "checkpoint-coordinator"
  | "pipeline"
  | "coordinator"
  | "subtask"
  | "operator"
  | "fetcher-manager"
  | "fetcher"
  | "split"
  /** Any other machine: a committer, a connection, an async operator. */
  | "machine";

/** What an operator or a split is doing: the colours of the time lines. */
export type Mode = "reading" | "waiting" | "paused" | "idle" | "back-pressured" | "stopped";

/** A key figure of an actor. */
export type Figure = string | number | boolean | null;

/** One actor of the tree, as it is now. */
export interface ActorRow {
  readonly id: string;
  /** Undefined for the job. */
  readonly parent?: string;
  readonly kind: ActorKind;
  /** For people, short: a pipeline's id, `subtask 3`, a split's id. */
  readonly name: string;
  /** Whether `id` is the address of a mailbox. */
  readonly mailbox: boolean;
  /** Key of a `machine` message; undefined: it has no machine. */
  readonly machine?: string;
  /** Active state nodes, each as its path from the machine's root: `Running.fetching`. */
  readonly states?: readonly string[];
  /** Of subtasks and splits. */
  readonly mode?: Mode;
  readonly watermark?: Watermark;
  /** By name: records, splits, paused, attempt, lag, … */
  readonly figures?: Readonly<Record<string, Figure>>;
  /** It runs no more; the last 500 of these are kept. */
  readonly ended?: true;
}

/** The first message. */
export interface Hello {
  readonly type: "hello";
  readonly protocol: number;
  readonly job: string;
  /** Of Headwater. */
  readonly version: string;
  /** The id of the job's row: the root of the tree. */
  readonly root: string;
  /** The job's clock now. */
  readonly time: number;
  /** Milliseconds between two looks at the job's status. */
  readonly interval: number;
  /** It is no job that runs: a record is replayed. */
  readonly replay?: true;
}

/** A machine's definition: `createMachine(config)` gives a machine with the same states. */
export interface MachineDefinition {
  readonly type: "machine";
  /** The name in Headwater's registry, such as `split-fetcher`; else the machine's own id. */
  readonly machine: string;
  readonly config: unknown;
}

/** Actors that are new or have changed, and those that are gone. */
export interface Actors {
  readonly type: "actors";
  readonly rows: readonly ActorRow[];
  readonly removed: readonly string[];
  /** How many rows there are in all; larger than what was sent while more is to come. */
  readonly total: number;
  /** Splits that a status does not list: they are counted in their subtask, and have no row. */
  readonly unlistedSplits: number;
}

/** An actor's snapshot: at once when it is subscribed to, then the last of each 100 ms. */
export interface ActorSnapshot {
  readonly type: "snapshot";
  readonly actor: string;
  readonly time: number;
  readonly states: readonly string[];
  /** As XState has it. */
  readonly value: unknown;
  readonly status: "active" | "done" | "error" | "stopped";
  /** Projected. */
  readonly context: unknown;
}

/** One transition of a machine. */
export interface Transition {
  readonly actor: string;
  readonly time: number;
  /** The event's type. */
  readonly event: string;
  readonly from: readonly string[];
  /** Equal to `from` when the event was handled without leaving the state. */
  readonly to: readonly string[];
}

export interface Transitions {
  readonly type: "transitions";
  readonly items: readonly Transition[];
  readonly dropped: number;
}

/** One envelope that has arrived at a mailbox. */
export interface MailboxEnvelope {
  readonly from: string;
  readonly to: string;
  /** The event's type. */
  readonly event: string;
  readonly epoch: number;
  /** Counts for each pair of sender and receiver. */
  readonly sequence: number;
  readonly time: number;
  readonly outcome: "delivered" | "duplicate" | "fenced" | "dead-letter";
  /** The event, projected; only when the subscription asks for it. */
  readonly payload?: unknown;
}

export interface MailboxEnvelopes {
  readonly type: "mailbox";
  readonly items: readonly MailboxEnvelope[];
  readonly dropped: number;
}

/** A lane goes on in this mode from `time` on. */
export interface ModeChange {
  /** A row of kind subtask or split. */
  readonly actor: string;
  readonly time: number;
  readonly mode: Mode;
}

/** Mode changes, and watermarks that have moved; at first what is remembered of the past. */
export interface TimeLines {
  readonly type: "timelines";
  readonly modes: readonly ModeChange[];
  readonly watermarks: readonly WatermarkSample[];
  readonly dropped: number;
}

export interface WatermarkSample {
  readonly actor: string;
  readonly time: number;
  readonly watermark: Watermark;
}

/** The whole job at one moment. */
export interface FigureSample {
  readonly time: number;
  /** The job's state: RUNNING, RESTARTING, … */
  readonly state: string;
  readonly records: number;
  readonly recordsPerSecond: number;
  readonly badRecords: number;
  readonly restarts: number;
  /** The lowest of all subtasks. */
  readonly watermark: Watermark;
  /** How far apart the splits being read are, in event time; 0 with fewer than two. */
  readonly skew: number;
  /** Wall clock minus `watermark`; null while that is infinite. */
  readonly watermarkLag: number | null;
  readonly splits: number;
  readonly paused: number;
  readonly subtasks: number;
  readonly backPressured: number;
  readonly idle: number;
  readonly pipelines: readonly PipelineFigures[];
  /** Why the job has restarted last, or failed; `causes` behind it, the root cause last, 8 at most. */
  readonly lastError?: {
    readonly code: string;
    readonly message: string;
    readonly causes?: readonly string[];
  };
}

export interface PipelineFigures {
  /** A row of kind pipeline. */
  readonly actor: string;
  readonly records: number;
  readonly recordsPerSecond: number;
  readonly watermark: Watermark;
  /** Records that wait in the external system, where the source knows; else null. */
  readonly pendingRecords: number | null;
  readonly subtasks: number;
  readonly backPressured: number;
}

/** One sample each look at the job; at first what is remembered of the past, oldest first. */
export interface Figures {
  readonly type: "figures";
  readonly samples: readonly FigureSample[];
}

export interface CheckpointFacts {
  readonly checkpointId: number;
  readonly kind: "CHECKPOINT" | "SAVEPOINT";
  readonly triggeredAt: number;
  /** −1: not known yet. */
  readonly duration: number;
  readonly bytes: number;
  readonly location: string;
}

/** Sent whole when anything of it has changed. */
export interface Checkpoints {
  readonly type: "checkpoints";
  readonly completed: number;
  readonly failed: number;
  readonly inProgress: number;
  /** The last 50 that the inspector has seen, newest first. */
  readonly recent: readonly CheckpointFacts[];
}

/** The job has ended; the server closes the connection after it, unless the inspector stays. */
export interface Ended {
  readonly type: "ended";
  readonly state: string;
  readonly error?: string;
}

/** How a machine that is replayed has done other than the record says. */
export interface ReplayDifference {
  /** Lines replayed when it shows: where `replay.goto` leads to it. */
  readonly place: number;
  /** The line's own number in the record. */
  readonly line: number;
  readonly actor: string;
  readonly machine: string;
  /** The event's type. */
  readonly event: string;
  /** The state after it. */
  readonly recorded: string;
  readonly replayed: string;
  /** Something of the event was cut off or redacted when it was recorded: that may be why. */
  readonly isCut: boolean;
}

/** The line that a replay has played last. */
export interface ReplayLineFacts {
  readonly kind: "envelope" | "machine" | "step" | "stopped" | "dropped" | "end";
  /** Its own number in the record. */
  readonly line: number;
  /** The receiver, or the machine's actor. */
  readonly actor?: string;
  readonly from?: string;
  /** The event's type. */
  readonly event?: string;
  /** For people. */
  readonly text: string;
}

/** Where a replay stands. */
export interface ReplayPosition {
  readonly type: "replay";
  /** Lines replayed; 0: none. */
  readonly place: number;
  /** Lines there are. */
  readonly size: number;
  /** Wall clock of the job, milliseconds. */
  readonly time: number;
  readonly last?: ReplayLineFacts;
  /** Envelopes and transitions that were sent before are void. */
  readonly isReset: boolean;
  /** Those that are known so far, in order; 100 at most. */
  readonly differences: readonly ReplayDifference[];
  readonly differenceCount: number;
  /** What is wrong with the record; 20 at most. */
  readonly problems: readonly string[];
  /** Why the last request led nowhere. */
  readonly note?: string;
}

/** The page said what is no `PageMessage`. */
export interface Refused {
  readonly type: "refused";
  readonly message: string;
}

export type ServerMessage =
  | Hello
  | MachineDefinition
  | Actors
  | ActorSnapshot
  | Transitions
  | MailboxEnvelopes
  | TimeLines
  | Figures
  | Checkpoints
  | Ended
  | Refused
  | ReplayPosition;

/**
 * Which actors: ids, and prefixes of ids that end in `*` (`flights/source-0/*`, or `*` for all).
 * Limits: 200 patterns of 1000 characters.
 */
export type ActorPatterns = readonly string[];

/** Replaces the page's subscription; what is left out is not sent any more. */
export interface Subscribe {
  readonly type: "subscribe";
  /** Whose snapshots; ids only, 32 at most. */
  readonly snapshots?: readonly string[];
  readonly transitions?: ActorPatterns;
  readonly mailbox?: MailboxFilter;
}

/** Envelopes between chosen actors. */
export interface MailboxFilter {
  /** Sender or receiver matches; with `between: true` both. */
  readonly actors: ActorPatterns;
  readonly between?: boolean;
  /** Only events of these types; undefined: all. 100 at most. */
  readonly events?: readonly string[];
  /** True: with `payload`. */
  readonly payloads?: boolean;
}

/** Replays the next lines; 1 unless `count` says more, 100,000 at most. */
export interface ReplayStep {
  readonly type: "replay.step";
  readonly count?: number;
}

/** Goes back by so many lines. */
export interface ReplayBack {
  readonly type: "replay.back";
  readonly count?: number;
}

/**
 * Goes to a place, 0 … `size`; or forward to the next line with this event type or address (a `*` at its
 * end stands for any ending), or to the next `difference`. With `back: true` it looks for it behind.
 */
export interface ReplayGoto {
  readonly type: "replay.goto";
  readonly to: number | string;
  readonly back?: boolean;
}

export type PageMessage = Subscribe | ReplayStep | ReplayBack | ReplayGoto;
