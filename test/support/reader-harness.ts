import type { UnreadableInput } from "../../src/api/bad-record.js";
import type { SourceEvent } from "../../src/api/source-event.js";
import type { SourceReaderContext } from "../../src/api/source-reader.js";
import type { ActorContext } from "../../src/mailbox/actor.js";
import { ActorSystem, throwOnDeadLetter } from "../../src/mailbox/actor-system.js";
import { type Address, address } from "../../src/mailbox/address.js";
import { VirtualClock } from "../../src/mailbox/clock.js";
import type { DispatcherOptions } from "../../src/mailbox/dispatcher.js";
import type { ActorEvent } from "../../src/mailbox/envelope.js";
import type { ProcessingTimeService, Scheduler } from "../../src/mailbox/ports.js";
import { ManualScheduler } from "../../src/mailbox/scheduler.js";
import { SerializingTransport } from "../../src/mailbox/transport.js";
import { MetricRegistry } from "../../src/metrics/metric-registry.js";

export interface ReaderHarnessOptions {
  /** Keeps each fetcher's turns back until `giveTurn`. */
  readonly holdTurns?: boolean;
  readonly allowUnaligned?: boolean;
  readonly parallelism?: number;
  /** In place of the manual scheduler. */
  readonly scheduler?: Scheduler;
  readonly dispatcher?: DispatcherOptions;
  /** One that others share. */
  readonly clock?: VirtualClock;
}

/** An operator's place for one reader: real mailboxes, serialized events, time and turns by hand. */
export class ReaderHarness {
  readonly self: Address = address("job", "source-0", "subtask", 0, "attempt", 0);
  readonly clock: VirtualClock;
  readonly scheduler = new ManualScheduler();
  readonly system: ActorSystem;
  readonly metrics = new MetricRegistry();
  readonly context: SourceReaderContext;
  readonly sourceEvents: SourceEvent[] = [];
  /** What the reader reported as no record, each with a copy of its bytes. */
  readonly badRecords: UnreadableInput[] = [];
  /** Every event that fetchers have posted to the reader. */
  readonly received: ActorEvent[] = [];
  splitRequests = 0;
  readonly #heldTurns = new Map<Address, () => void>();
  #listener: (event: ActorEvent) => void = () => {};
  #actor: ActorContext | undefined;

  constructor(options: ReaderHarnessOptions = {}) {
    this.clock = options.clock ?? new VirtualClock();
    this.system = new ActorSystem({
      clock: this.clock,
      scheduler: options.scheduler ?? this.scheduler,
      transport: new SerializingTransport(),
      onDeadLetter: throwOnDeadLetter,
      ...(options.dispatcher === undefined ? {} : { dispatcher: options.dispatcher }),
    });
    this.system.spawn(this.self, (context) => {
      this.#actor = context;
      return {
        receive: (event: ActorEvent) => {
          this.received.push(event);
          this.#listener(event);
        },
        onError: (error: unknown) => {
          throw error;
        },
      };
    });
    const hold = options.holdTurns ?? false;
    this.context = {
      indexOfSubtask: 0,
      currentParallelism: options.parallelism ?? 1,
      localHostName: "localhost",
      metricGroup: this.metrics.root(),
      processingTime: processingTimeOf(this.clock),
      allowUnalignedSourceSplits: options.allowUnaligned ?? false,
      pollBudget: { remaining: 0 },
      actors: {
        self: this.self,
        spawn: (name, create) => {
          const at = `${this.self}/${name}`;
          this.system.spawn(at, (context) => create(hold ? this.#holdTurns(context) : context));
          return at;
        },
        post: (to, event) => this.#actor?.post(to, event),
        onEvent: (listener) => {
          this.#listener = listener;
        },
      },
      sendSplitRequest: () => {
        this.splitRequests++;
      },
      sendSourceEventToCoordinator: (event) => this.sourceEvents.push(event),
      reportBadRecord: (input) => {
        this.badRecords.push({ ...input, raw: new Uint8Array(input.raw) });
        this.context.pollBudget.remaining = 0;
      },
      runInOperatorLoop: (action) => action(),
    };
  }

  /** Runs everything that can run without a turn that is held back. */
  settle(): Promise<void> {
    return this.scheduler.settle();
  }

  /** Posts an event from the reader's place, as the manager does. */
  post(to: Address, event: ActorEvent): void {
    this.context.actors.post(to, event);
  }

  fetcherAddress(fetcher: number): Address {
    return `${this.self}/fetcher-${fetcher}`;
  }

  hasHeldTurn(fetcher: number): boolean {
    return this.#heldTurns.has(this.fetcherAddress(fetcher));
  }

  /** Lets the fetcher take the step it has asked for; false when it has not. */
  giveTurn(fetcher: number): boolean {
    const at = this.fetcherAddress(fetcher);
    const turn = this.#heldTurns.get(at);
    this.#heldTurns.delete(at);
    turn?.();
    return turn !== undefined;
  }

  #holdTurns(context: ActorContext): ActorContext {
    return {
      ...context,
      post: (to, event) => {
        const post = (): void => context.post(to, event);
        if (to === context.self && event.type === "Turn") this.#heldTurns.set(to, post);
        else post();
      },
    };
  }
}

function processingTimeOf(clock: VirtualClock): ProcessingTimeService {
  return {
    now: () => clock.now(),
    relativeTime: () => clock.relativeTime(),
    registerTimer: (delay, callback) => clock.schedule(delay, callback),
    scheduleWithFixedDelay: (callback, initialDelay, period) => {
      let cancel = clock.schedule(initialDelay, run);
      function run(): void {
        callback();
        cancel = clock.schedule(period, run);
      }
      return () => cancel();
    },
  };
}
