import { machines } from "../../../machines/index.js";
import type { Cancel, Clock } from "../../mailbox/index.js";
import { ActorTable } from "../live/actor-table.js";
import { MachineRows, rootId } from "../live/machine-rows.js";
import { PageConnection, type ShownMachine } from "../live/page-connection.js";
import { Subscription } from "../live/subscription.js";
import { activeStates, machineDefinition } from "../machine-facts.js";
import { SHOWN } from "../projection.js";
import {
  type Hello,
  type MailboxEnvelope,
  PROTOCOL_VERSION,
  type ReplayPosition,
  type Transition,
} from "../protocol.js";
import type { BoundedSocket } from "../server/bounded-socket.js";
import { lineFacts } from "./line-text.js";
import type { RecordProblem, ReplayLine } from "./recorded-run.js";
import type { Replay } from "./replay.js";
import { parseReplayRequest, type ReplayRequest } from "./replay-request.js";
import type { ReplayedMachine } from "./replayed-machine.js";

/** Milliseconds between two tries to send a page what it could not take. */
const FLUSH_INTERVAL = 50;
/** Lines before the place in which a page's envelopes and transitions are looked for, and how many. */
const LOOKED_THROUGH = 5000;
const EVENTS_SENT = 200;
const MAX_DIFFERENCES = 100;
const MAX_PROBLEMS = 20;
/** Characters of an event that a page gets whole. */
const MAX_PAYLOAD = 20_000;

/**
 * Tells pages of a replay, and lets them move it, as protocol.ts says.
 *
 * Owns: the table of actors at the place, and the pages. Called by: the server as pages come and speak.
 * Invariants: all pages see the same place; rows and snapshots are those of the place.
 */
export class ReplayFeed {
  readonly #replay: Replay;
  readonly #clock: Clock;
  readonly #version: string;
  readonly #table = new ActorTable();
  readonly #rows: MachineRows;
  readonly #pages = new Map<PageConnection, { isReset: boolean; note: string | undefined }>();
  /** Actor → its newest machine at the place. */
  #machines = new Map<string, ReplayedMachine>();
  #cancelFlush: Cancel | undefined;

  constructor(replay: Replay, clock: Clock, version: string) {
    this.#replay = replay;
    this.#clock = clock;
    this.#version = version;
    this.#rows = new MachineRows(this.#table, replay.run.header.job);
    this.#table.watch({
      changed: (id) => {
        for (const page of this.#pages.keys()) page.changed(id);
      },
      removed: (id) => {
        for (const page of this.#pages.keys()) page.removed(id);
      },
    });
    this.#showAll();
  }

  /** From now on the socket gets everything; the caller calls what is returned when it has closed. */
  add(socket: BoundedSocket): { receive(text: string): void; closed(): void } {
    const page = new PageConnection(
      socket,
      {
        row: (id) => this.#table.get(id),
        record: (id) => this.#shown(id),
        counts: () => ({ total: this.#table.size, unlistedSplits: 0 }),
        now: () => this.#replay.time,
        limits: SHOWN,
      },
      this.#table.ids(),
    );
    page.sendNow(this.#hello());
    this.#pages.set(page, { isReset: true, note: undefined });
    this.#flush();
    return {
      receive: (text) => this.#receive(page, text),
      closed: () => this.#pages.delete(page),
    };
  }

  close(): void {
    this.#cancelFlush?.();
    for (const page of this.#pages.keys()) page.close();
    this.#pages.clear();
  }

  #hello(): Hello {
    const { job } = this.#replay.run.header;
    return {
      type: "hello",
      protocol: PROTOCOL_VERSION,
      job,
      version: this.#version,
      root: rootId(job),
      time: this.#replay.time,
      interval: 1000,
      replay: true,
    };
  }

  #receive(page: PageConnection, text: string): void {
    try {
      const request = parseReplayRequest(text);
      if (request !== undefined) this.#move(request, page);
      else {
        page.subscribe(Subscription.parse(text));
        this.#resend(page);
      }
    } catch (error) {
      page.tell({ type: "refused", message: (error as Error).message.slice(0, 500) });
    }
    this.#flush();
  }

  #move(request: ReplayRequest, asking: PageConnection): void {
    const replay = this.#replay;
    const start = replay.place;
    const note = moved(replay, request);
    for (const [page, state] of this.#pages) {
      state.note = page === asking ? note : undefined;
    }
    if (replay.place === start + 1) this.#showLast();
    else if (replay.place !== start) {
      this.#showAll();
      for (const page of this.#pages.keys()) this.#resend(page);
    }
  }

  /** After one step forward. */
  #showLast(): void {
    const { line, step } = this.#replay;
    if (line === undefined) return;
    if (line.kind === "stopped" || line.kind === "end") this.#showAll();
    const machine = step === undefined ? undefined : this.#replay.machine(step.session);
    if (machine !== undefined) this.#show(machine);
    for (const page of this.#pages.keys()) {
      if (line.kind === "envelope") tellEnvelope(page, line);
      if (line.kind === "step" && step !== undefined) {
        page.transition(transitionOf(line, step.actor, step.from));
      }
      if (machine !== undefined) page.snapshotChanged(machine.actor);
    }
  }

  #showAll(): void {
    this.#machines = new Map();
    for (const machine of this.#replay.machines) this.#machines.set(machine.actor, machine);
    const { job } = this.#replay.run.header;
    const root = rootId(job);
    for (const id of [...this.#table.ids()]) {
      const { kind, machine } = this.#table.get(id) ?? {};
      const isRoot = id === root && machine === undefined;
      if (!this.#machines.has(id) && kind !== "pipeline" && !isRoot) this.#table.remove(id);
    }
    this.#table.put({ id: root, kind: "job", name: job, mailbox: true });
    const parents = new Set<string | undefined>();
    for (const machine of this.#machines.values()) {
      this.#show(machine);
      parents.add(this.#table.get(machine.actor)?.parent);
    }
    for (const id of [...this.#table.ids()]) {
      if (this.#table.get(id)?.kind === "pipeline" && !parents.has(id)) this.#table.remove(id);
    }
    for (const page of this.#pages.keys()) {
      for (const id of page.subscription.snapshots) page.snapshotChanged(id);
    }
  }

  #show(machine: ReplayedMachine): void {
    const { actor: id, machine: name, states, hasEnded = false } = machine;
    this.#machines.set(id, machine);
    this.#rows.started({ id, name, states, hasEnded });
    const parent = this.#table.get(id)?.parent;
    if (parent === undefined || this.#table.get(parent) !== undefined) return;
    const root = rootId(this.#replay.run.header.job);
    const shown = parent.slice(parent.lastIndexOf("/") + 1).replaceAll("%2F", "/");
    this.#table.put({ id: parent, parent: root, kind: "pipeline", name: shown, mailbox: false });
  }

  #shown(id: string): ShownMachine | undefined {
    const machine = this.#machines.get(id);
    const definition = machine === undefined ? undefined : machines[machine.machine];
    if (machine === undefined || definition === undefined) return undefined;
    const { machine: name, states, status, snapshot, followed } = machine;
    return {
      name,
      states,
      definition: machineDefinition(definition),
      snapshot: snapshot ?? {
        value: states.join(", "),
        status: status as "active",
        context: { followed },
      },
    };
  }

  /** Everything that the page knows of envelopes and transitions is void; the last ones go out again. */
  #resend(page: PageConnection): void {
    page.forgetEvents();
    const state = this.#pages.get(page);
    if (state !== undefined) state.isReset = true;
    const { subscription } = page;
    const envelopes: Extract<ReplayLine, { kind: "envelope" }>[] = [];
    const transitions: Transition[] = [];
    const states = new Map<string, readonly string[]>();
    const { place, run } = this.#replay;
    for (let at = Math.max(1, place - LOOKED_THROUGH); at <= place; at++) {
      const line = run.line(at);
      if (line.kind === "envelope") envelopes.push(line);
      if (line.kind === "machine") states.set(line.session, activeStates(line.value as never));
      if (line.kind !== "step") continue;
      const actor = this.#replay.machine(line.session)?.actor;
      if (actor !== undefined && subscription.transitions.matches(actor)) {
        transitions.push(transitionOf(line, actor, states.get(line.session) ?? line.states));
      }
      states.set(line.session, line.states);
    }
    const wanted = envelopes.filter((line) => isWanted(page, line));
    for (const line of wanted.slice(-EVENTS_SENT)) tellEnvelope(page, line);
    for (const transition of transitions.slice(-EVENTS_SENT)) page.transition(transition);
  }

  #flush(): void {
    this.#cancelFlush?.();
    for (const [page, state] of this.#pages) {
      page.tellFirst(this.#position(state));
    }
    this.#flushRest();
  }

  /** What did not fit into a frame, or into the socket of a page that is slow. */
  #flushRest(): void {
    this.#cancelFlush = undefined;
    let isMoreDue = false;
    for (const [page, state] of this.#pages) {
      page.flush();
      if (!page.hasFirst) state.isReset = false;
      isMoreDue ||= page.isDue;
    }
    if (isMoreDue)
      this.#cancelFlush = this.#clock.schedule(FLUSH_INTERVAL, () => this.#flushRest());
  }

  #position({ isReset, note }: { isReset: boolean; note: string | undefined }): ReplayPosition {
    const { place, size, time, differences, differenceCount, run } = this.#replay;
    const last = lineFacts(this.#replay);
    return {
      type: "replay",
      place,
      size,
      time,
      ...(last !== undefined && { last }),
      isReset,
      differences: differences.slice(0, MAX_DIFFERENCES),
      differenceCount,
      problems: run.problems.slice(0, MAX_PROBLEMS).map(problemText),
      ...(note !== undefined && { note }),
    };
  }
}

/** For people: what is wrong, and where. */
export function problemText({ where, message }: RecordProblem): string {
  return `${where}: ${message}`;
}

/** Moves the replay; what is returned says why it stands where it stood. */
function moved(replay: Replay, request: ReplayRequest): string | undefined {
  const start = replay.place;
  switch (request.type) {
    case "replay.step":
      replay.goTo(start + (request.count ?? 1));
      return replay.place === start ? "this is the end of the record" : undefined;
    case "replay.back":
      replay.goTo(start - (request.count ?? 1));
      return replay.place === start ? "this is the beginning of the record" : undefined;
    case "replay.goto": {
      const { to, back } = request;
      if (typeof to === "number") {
        replay.goTo(to);
        return undefined;
      }
      if (back === true) return replay.runBackUntil(to) ? undefined : `no ${to} before this`;
      if (replay.runUntil(to)) return undefined;
      replay.goTo(start);
      return `no ${to} after this`;
    }
  }
}

function isWanted(
  { subscription }: PageConnection,
  { from, to, event }: Extract<ReplayLine, { kind: "envelope" }>,
): boolean {
  return subscription.matchesEnvelope(from, to, (event as { readonly type: string }).type);
}

function tellEnvelope(page: PageConnection, line: Extract<ReplayLine, { kind: "envelope" }>): void {
  if (!isWanted(page, line)) return;
  const { from, to, epoch, sequence, time, outcome } = line;
  const { type } = line.event as { readonly type: string };
  const envelope: MailboxEnvelope = { from, to, event: type, epoch, sequence, time, outcome };
  const size = page.subscription.wantsPayloads ? JSON.stringify(line.event).length : 0;
  const payload = size > MAX_PAYLOAD ? { type, $cut: size } : line.event;
  page.envelope(page.subscription.wantsPayloads ? { ...envelope, payload } : envelope);
}

function transitionOf(
  { time, event, states }: Extract<ReplayLine, { kind: "step" }>,
  actor: string,
  from: readonly string[],
): Transition {
  const { type } = event as { readonly type: string };
  return { actor, time, event: type, from, to: states };
}
