import type { Life } from "../life.js";
import type { World } from "../world.js";

/** What a client may have on its way at once. */
export interface ClientLimits {
  readonly batch: number;
  readonly inFlight: number;
}

interface Request {
  readonly batch: readonly number[];
  readonly signal: AbortSignal;
  readonly keys: readonly number[];
}

/** What a batch has not brought about. */
interface Refused {
  readonly retry: readonly number[];
}

/**
 * A service that is written to in batches; it outlives the process.
 *
 * Requests of a process that has died still arrive until its successor connects. Some entries of a
 * batch are refused, answers come late or never, as the plan says.
 */
export class BatchService {
  /** In the order in which it came. */
  readonly appended: number[] = [];
  /** Key → its record. */
  readonly rows = new Map<number, number>();
  readonly #world: World;
  /** The life that connected last. */
  #life = 0;

  constructor(world: World) {
    this.#world = world;
  }

  connect(life: Life, limits: ClientLimits): Promise<ServiceClient> {
    const { latency } = this.#world.plan;
    return life.call("service.open", latency.sink, () => {
      if (life.number < this.#life) throw closed();
      this.#life = life.number;
      return new ServiceClient(this, life, limits);
    });
  }

  /** What a request does when it arrives; the entries that were refused. */
  accept(
    life: Life,
    batch: readonly number[],
    effect: (record: number) => void,
  ): Refused | undefined {
    if (life.number < this.#life) throw closed();
    const isPartial = this.#world.faults.take("service.entries") !== undefined;
    const retry = isPartial ? batch.filter((_, index) => index % 2 === 0) : [];
    for (const record of batch) if (!retry.includes(record)) effect(record);
    return retry.length === 0 ? undefined : { retry };
  }
}

/** One writer's connection: looks at what is on its way at once. */
export class ServiceClient {
  readonly #service: BatchService;
  readonly #life: Life;
  readonly #limits: ClientLimits;
  readonly #keys = new Set<number>();
  readonly #running = new Set<Request>();
  #isClosed = false;

  constructor(service: BatchService, life: Life, limits: ClientLimits) {
    this.#service = service;
    this.#life = life;
    this.#limits = limits;
  }

  append(batch: readonly number[], signal: AbortSignal): Promise<Refused | undefined> {
    const { appended } = this.#service;
    return this.#request({ batch, signal, keys: [] }, (record) => void appended.push(record));
  }

  upsert(
    batch: readonly number[],
    keyOf: (record: number) => number,
    signal: AbortSignal,
  ): Promise<Refused | undefined> {
    const { rows } = this.#service;
    const request = { batch, signal, keys: batch.map(keyOf) };
    return this.#request(request, (record) => void rows.set(keyOf(record), record));
  }

  delete(
    batch: readonly number[],
    keyOf: (record: number) => number,
    signal: AbortSignal,
  ): Promise<Refused | undefined> {
    const { rows } = this.#service;
    const request = { batch, signal, keys: batch.map(keyOf) };
    return this.#request(request, (record) => void rows.delete(keyOf(record)));
  }

  close(): Promise<void> {
    const { world } = this.#life;
    if (this.#running.size > 0) world.violation(`a client is closed and ${this.#running.size} run`);
    this.#isClosed = true;
    return this.#life.call("service.close", world.plan.latency.sink, () => undefined);
  }

  async #request(request: Request, effect: (record: number) => void): Promise<Refused | undefined> {
    const { world } = this.#life;
    this.#check(request);
    this.#running.add(request);
    for (const key of request.keys) this.#keys.add(key);
    const accept = (): Refused | undefined =>
      this.#service.accept(this.#life, request.batch, effect);
    try {
      return await this.#life.call("service.write", world.plan.latency.sink, accept);
    } finally {
      this.#running.delete(request);
      for (const key of request.keys) this.#keys.delete(key);
    }
  }

  #check({ batch, keys }: Request): void {
    const { world } = this.#life;
    if (this.#isClosed) world.violation("a client is used after it was closed");
    if (batch.length > this.#limits.batch) world.violation(`a batch has ${batch.length} requests`);
    for (const [index, key] of keys.entries()) {
      const isTwice = this.#keys.has(key) || keys.indexOf(key) !== index;
      if (isTwice) world.violation(`key ${key} is in flight twice`);
    }
    // What was given up may still run.
    const inFlight = [...this.#running].filter(({ signal }) => !signal.aborted).length + 1;
    if (inFlight > this.#limits.inFlight) world.violation(`${inFlight} batches are in flight`);
  }
}

const newService = (world: World): BatchService => new BatchService(world);
export const serviceOf = (world: World): BatchService => world.only(newService);

function closed(): Error {
  return new Error("another process has connected since");
}
