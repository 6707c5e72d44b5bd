/** How a place misbehaves: before its effect, after it (the answer is lost), late, or in its own way. */
export type FaultKind = "fail" | "lost" | "slow" | "odd";

/** A place misbehaves `times` times, after `after` good calls. */
export interface Fault {
  readonly place: string;
  readonly kind: FaultKind;
  readonly after: number;
  readonly times: number;
}

/** Every place that may misbehave, and the ways in which it can. */
export const PLACES: Readonly<Record<string, readonly FaultKind[]>> = {
  "source.createReader": ["fail"],
  "source.createEnumerator": ["fail"],
  "source.restoreEnumerator": ["fail"],
  "enumerator.start": ["fail"],
  "enumerator.splitRequest": ["fail"],
  "enumerator.addSplitsBack": ["fail"],
  "enumerator.snapshot": ["fail"],
  "enumerator.close": ["fail"],
  "reader.snapshot": ["fail"],
  "reader.addSplits": ["fail"],
  emit: ["fail"],
  list: ["fail", "lost", "slow"],
  "list.part": ["odd"],
  fetch: ["fail", "slow", "slow"],
  "fetch.nothing": ["odd"],
  "fetcher.addSplits": ["fail"],
  "fetcher.close": ["fail", "slow"],
  lookup: ["fail", "slow"],
  "operator.process": ["fail"],
  "operator.snapshot": ["fail"],
  "writer.create": ["fail", "slow"],
  "writer.write": ["fail"],
  "writer.flush": ["fail"],
  "writer.prepare": ["fail"],
  "writer.close": ["fail"],
  "sink.write": ["fail", "lost", "slow"],
  "sink.prepare": ["fail", "lost", "slow"],
  "sink.abort": ["fail", "slow"],
  "committer.create": ["fail", "slow"],
  "sink.commit": ["fail", "lost", "lost", "slow", "slow"],
  "sink.commit.later": ["odd"],
  "disk.makeDirectory": ["fail"],
  "disk.readDirectory": ["fail"],
  "disk.readFile": ["fail"],
  "disk.createFile": ["fail", "slow"],
  "disk.write": ["fail", "slow"],
  "disk.sync": ["fail", "slow", "slow"],
  "disk.rename": ["fail", "slow"],
  "disk.syncDirectory": ["fail", "slow", "slow"],
  "disk.remove": ["fail"],
};

/** Where requests to Kafka misbehave; an odd one is refused for this time. */
export const KAFKA_REQUESTS = {
  "kafka.metadata": ["fail", "slow"],
  "kafka.listOffsets": ["fail", "slow", "odd"],
  "kafka.commitOffsets": ["fail", "lost", "slow", "odd"],
  "kafka.fetch": ["fail", "lost", "slow", "odd"],
  "kafka.produce": ["fail", "lost", "lost", "slow", "odd"],
  "kafka.init": ["fail", "lost", "slow", "odd"],
  "kafka.add": ["fail", "lost", "slow", "odd"],
  "kafka.end": ["fail", "lost", "lost", "slow", "odd"],
} as const satisfies Readonly<Record<string, readonly FaultKind[]>>;

export type KafkaPlace = keyof typeof KAFKA_REQUESTS;

/** The places of the job that reads from Kafka and writes to it. */
export const KAFKA_PLACES: Readonly<Record<string, readonly FaultKind[]>> = {
  ...Object.fromEntries(
    Object.entries(PLACES).filter(
      ([place]) =>
        place.startsWith("disk.") ||
        ["operator.process", "reader.snapshot", "reader.addSplits", "writer.prepare"].includes(
          place,
        ),
    ),
  ),
  ...KAFKA_REQUESTS,
  "kafka.connect": ["fail", "slow"],
};

/** The places of the job that writes files. */
const FILE_PLACES: Readonly<Record<string, readonly FaultKind[]>> = {
  ...without("sink.", "writer.", "committer.", "lookup"),
  "disk.part.makeDirectory": ["fail", "lost"],
  "disk.part.readDirectory": ["fail", "slow"],
  "disk.part.createFile": ["fail", "lost", "slow"],
  "disk.part.write": ["fail", "lost", "slow"],
  "disk.part.write.some": ["odd"],
  "disk.part.datasync": ["fail", "lost", "slow", "slow"],
  "disk.part.stat": ["fail"],
  "disk.part.close": ["fail"],
  "disk.part.sizeOf": ["fail", "slow"],
  "disk.part.rename": ["fail", "lost", "slow", "slow"],
  "disk.part.rename.busy": ["odd"],
  "disk.part.syncDirectory": ["fail", "lost", "slow", "slow"],
  "disk.part.remove": ["fail", "lost"],
};

/** The places of the jobs that write to a service with an asynchronous sink. */
const SERVICE_PLACES: Readonly<Record<string, readonly FaultKind[]>> = {
  ...without("sink.", "writer.", "committer.", "lookup"),
  "service.open": ["fail", "lost", "slow"],
  "service.close": ["fail", "slow"],
  "service.write": ["fail", "fail", "lost", "lost", "slow", "slow"],
  "service.entries": ["odd"],
};

const JOB_PLACES: Readonly<Record<string, Readonly<Record<string, readonly FaultKind[]>>>> = {
  kafka: KAFKA_PLACES,
  files: FILE_PLACES,
  upsert: SERVICE_PLACES,
  batches: SERVICE_PLACES,
};

/** Where something may go wrong in a job. */
export function placesOf(job: string): Readonly<Record<string, readonly FaultKind[]>> {
  return JOB_PLACES[job] ?? PLACES;
}

function without(...prefixes: readonly string[]): Readonly<Record<string, readonly FaultKind[]>> {
  return Object.fromEntries(
    Object.entries(PLACES).filter(
      ([place]) => !prefixes.some((prefix) => place.startsWith(prefix)),
    ),
  );
}

/** Counts the calls of each place, and says when one misbehaves. */
export class Faults {
  /** What misbehaved, and how often. */
  readonly hits = new Map<string, number>();
  readonly #plans = new Map<string, { kind: FaultKind; good: number; bad: number }[]>();
  readonly #onHit: (what: string) => void;

  constructor(faults: readonly Fault[], onHit: (what: string) => void) {
    this.#onHit = onHit;
    for (const { place, kind, after, times } of faults) {
      const plans = this.#plans.get(place) ?? [];
      plans.push({ kind, good: after, bad: times });
      this.#plans.set(place, plans);
    }
  }

  /** Called once a call of the place; undefined: it works. */
  take(place: string): FaultKind | undefined {
    const plans = this.#plans.get(place);
    if (plans === undefined) return undefined;
    let taken: FaultKind | undefined;
    for (const plan of plans) {
      if (plan.good > 0) plan.good--;
      else if (plan.bad > 0 && taken === undefined) {
        plan.bad--;
        taken = plan.kind;
      }
    }
    if (taken === undefined) return undefined;
    this.hits.set(place, (this.hits.get(place) ?? 0) + 1);
    this.#onHit(`${place} ${taken}`);
    return taken;
  }
}
