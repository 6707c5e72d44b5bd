import type { InspectionEvent } from "xstate";
import { withoutSecrets } from "../../errors/index.js";
import type { ActorSystem, Cancel, Envelope } from "../../mailbox/index.js";
import type { InspectedJob } from "../inspected-job.js";
import type { MachineDirectory, MachineRecord } from "../machine-directory.js";
import { activeStates } from "../machine-facts.js";
import { type ProjectionLimits, project } from "../projection.js";
import { type Ended, type Hello, type MailboxEnvelope, PROTOCOL_VERSION } from "../protocol.js";
import type { BoundedSocket } from "../server/bounded-socket.js";
import { ActorTable } from "./actor-table.js";
import { JobView } from "./job-view.js";
import { MachineRows, rootId } from "./machine-rows.js";
import { PageConnection } from "./page-connection.js";
import { Subscription } from "./subscription.js";

/** Milliseconds between two flushes to the pages. */
const FLUSH_INTERVAL = 100;
/** Metrics are read so much more seldom than a status when reading them takes long. */
const METRICS_INTERVAL = 1000;
/** The inspector may use one part in so many of the loop's time to look at the job. */
const LOOK_SHARE = 50;

/** What a live feed is made of. */
export interface LiveFeedOptions {
  readonly job: InspectedJob;
  readonly system: ActorSystem;
  readonly directory: MachineDirectory;
  readonly limits: ProjectionLimits;
  readonly interval: number;
  readonly version: string;
}

/**
 * Tells pages of the job, as protocol.ts says.
 *
 * Owns: the table of actors, the samples, the pages and two timers. Called by: the server as pages come
 * and speak; machines and the mailboxes as they run, synchronously.
 * Invariants: machines are observed only while there is a page, mailboxes only while one asks for
 * envelopes; the job never waits for a page.
 */
export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #table = new ActorTable();
  readonly #rows: MachineRows;
  readonly #view: JobView;
  readonly #pages = new Set<PageConnection>();
  readonly #stopWatching: readonly (() => void)[];
  #stopObserving: Cancel | undefined;
  #stopJournal: Cancel | undefined;
  #cancelLook: Cancel = () => {};
  #cancelFlush: Cancel | undefined;
  #metrics: Readonly<Record<string, number>> = {};
  #metricsDue = 0;
  #ended: Ended | undefined;
  #unwatched: (() => void)[] = [];

  constructor(options: LiveFeedOptions) {
    this.#options = options;
    const { job, system, directory } = options;
    this.#rows = new MachineRows(this.#table, job.jobName);
    for (const record of directory.records()) this.#rows.started(record);
    this.#view = new JobView(job, this.#table, system.clock);
    this.#stopWatching = [
      directory.watch(this.#rows),
      this.#table.watch({
        changed: (id) => {
          for (const page of this.#pages) page.changed(id);
          this.#schedule();
        },
        removed: (id) => {
          for (const page of this.#pages) page.removed(id);
          this.#schedule();
        },
      }),
    ];
    this.#lookAgain();
  }

  get pages(): number {
    return this.#pages.size;
  }

  /** Resolves when there is no page. */
  unwatched(): Promise<void> {
    if (this.#pages.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#unwatched.push(resolve));
  }

  /** From now on the socket gets everything; the caller calls what is returned when it has closed. */
  add(socket: BoundedSocket): { receive(text: string): void; closed(): void } {
    const { system, directory, limits } = this.#options;
    const page = new PageConnection(
      socket,
      {
        row: (id) => this.#table.get(id),
        record: (id) => directory.get(id),
        counts: () => ({
          total: this.#table.size,
          unlistedSplits: this.#view.unlistedSplits,
        }),
        now: () => system.clock.now(),
        limits,
      },
      this.#table.ids(),
    );
    page.sendNow(this.#hello());
    page.figures(this.#view.samples);
    page.timeLines(this.#view.modes, this.#view.watermarks);
    page.tell(this.#view.checkpoints);
    if (this.#ended !== undefined) page.tell(this.#ended);
    this.#pages.add(page);
    if (this.#ended === undefined && this.#pages.size === 1) this.#lookSoon();
    this.#stopObserving ??= this.#observe();
    this.#schedule();
    return {
      receive: (text) => this.#receive(page, text),
      closed: () => {
        this.#pages.delete(page);
        this.#attach();
        if (this.#pages.size === 0) for (const tell of this.#unwatched.splice(0)) tell();
      },
    };
  }

  /** Sends what is left and how the job ended; pages may go on looking at it. */
  finish(error?: unknown): void {
    this.#cancelLook();
    this.#look();
    const { state } = this.#options.job.status();
    const message = error instanceof Error ? withoutSecrets(error.message) : undefined;
    this.#ended = { type: "ended", state, ...(message !== undefined && { error: message }) };
    for (const page of this.#pages) {
      page.tell(this.#ended);
      page.flush(true);
    }
  }

  /** Closes the connections; a page that was not told that the job has ended tries again. */
  close(): void {
    this.#cancelLook();
    this.#cancelFlush?.();
    for (const stop of this.#stopWatching) stop();
    for (const page of this.#pages) page.close();
    this.#pages.clear();
    this.#attach();
  }

  #hello(): Hello {
    const { job, system, interval, version } = this.#options;
    return {
      type: "hello",
      protocol: PROTOCOL_VERSION,
      job: job.jobName,
      version,
      root: rootId(job.jobName),
      time: system.clock.now(),
      interval,
    };
  }

  #receive(page: PageConnection, text: string): void {
    try {
      page.subscribe(Subscription.parse(text));
    } catch (error) {
      page.tell({ type: "refused", message: (error as Error).message.slice(0, 500) });
    }
    this.#attach();
    this.#schedule();
  }

  /** Observes what somebody wants to know of, and nothing else. */
  #attach(): void {
    if (this.#pages.size === 0) {
      this.#stopObserving?.();
      this.#stopObserving = undefined;
    }
    if ([...this.#pages].some((page) => page.subscription.wantsMailbox)) {
      this.#stopJournal ??= this.#options.system.attachJournal({
        record: (envelope, outcome, time) => this.#envelope(envelope, outcome, time),
      });
    } else {
      this.#stopJournal?.();
      this.#stopJournal = undefined;
    }
  }

  #observe(): Cancel {
    // They have run on since the last page went.
    for (const record of this.#options.directory.records()) {
      if (!record.hasEnded) record.states = activeStates(record.snapshot.value);
      this.#rows.changed(record);
    }
    return this.#options.directory.observe((record, event) => {
      if (event.type === "@xstate.snapshot") this.#snapshot(record, event);
    });
  }

  #snapshot(
    record: MachineRecord,
    { event }: Extract<InspectionEvent, { type: "@xstate.snapshot" }>,
  ): void {
    const from = record.states;
    const states = activeStates(record.snapshot.value);
    const isSame = states.length === from.length && states.every((state, i) => state === from[i]);
    if (!isSame) {
      record.states = states;
      this.#rows.changed(record);
    }
    const { id: actor } = record;
    const time = this.#options.system.clock.now();
    for (const page of this.#pages) {
      page.transition({ actor, time, event: event.type, from, to: record.states });
      page.snapshotChanged(actor);
    }
    this.#schedule();
  }

  #envelope(envelope: Envelope, outcome: MailboxEnvelope["outcome"], time: number): void {
    const { from, to, epoch, sequence, event } = envelope;
    let payload: unknown;
    for (const page of this.#pages) {
      const { subscription } = page;
      if (!subscription.matchesEnvelope(from, to, event.type)) continue;
      const facts = { from, to, event: event.type, epoch, sequence, time, outcome };
      if (subscription.wantsPayloads) payload ??= project(event, this.#options.limits);
      page.envelope(subscription.wantsPayloads ? { ...facts, payload } : facts);
    }
    this.#schedule();
  }

  /** The first page for a while wants to see the job as it is. */
  #lookSoon(): void {
    this.#cancelLook();
    const { system, interval } = this.#options;
    this.#cancelLook = system.clock.schedule(interval, () => this.#lookAgain());
  }

  #lookAgain(): void {
    const { clock } = this.#options.system;
    // Metrics have a share of their own.
    const metrics = this.#readMetrics();
    const started = clock.relativeTime();
    this.#look(metrics);
    const took = clock.relativeTime() - started;
    const delay = Math.max(this.#options.interval, took * this.#share);
    this.#cancelLook = clock.schedule(delay, () => this.#lookAgain());
  }

  /** Less while nobody looks on. */
  get #share(): number {
    return this.#pages.size > 0 ? LOOK_SHARE : 4 * LOOK_SHARE;
  }

  #look(metrics = this.#readMetrics()): void {
    const { sample, modes, watermarks, checkpoints } = this.#view.look(metrics);
    for (const page of this.#pages) {
      page.figures([sample]);
      page.timeLines(modes, watermarks);
      if (checkpoints !== undefined) page.tell(checkpoints);
    }
    this.#schedule();
  }

  /** A job with many splits has many metrics. */
  #readMetrics(): Readonly<Record<string, number>> {
    const { clock } = this.#options.system;
    const started = clock.relativeTime();
    if (started < this.#metricsDue) return this.#metrics;
    try {
      this.#metrics = this.#options.job.metrics();
    } catch {
      // A gauge of somebody's that throws: the last ones have to do.
    }
    const now = clock.relativeTime();
    this.#metricsDue = now + Math.max(METRICS_INTERVAL, (now - started) * this.#share);
    return this.#metrics;
  }

  #schedule(): void {
    if (this.#pages.size === 0) return;
    this.#cancelFlush ??= this.#options.system.clock.schedule(FLUSH_INTERVAL, () => {
      this.#cancelFlush = undefined;
      let isMoreDue = false;
      for (const page of this.#pages) {
        page.flush();
        isMoreDue ||= page.isDue;
      }
      if (isMoreDue) this.#schedule();
    });
  }
}
