/** Requests that are sent together. */
export interface Batch<Request> {
  readonly requests: readonly Request[];
  readonly sizeInBytes: number;
  /** How often each has been sent before, in their order; undefined: none has. */
  readonly retries: readonly number[] | undefined;
}

/** Requests that wait to be sent; called in the subtask's loop. */
export interface RequestBuffer<Request> {
  /** All that wait. */
  readonly size: number;
  /** Those of them that the next batches may take. */
  readonly sendable: number;
  readonly sendableBytes: number;
  add(request: Request, sizeInBytes: number): void;
  /** The next batch: at least one request, no more than `maxSize`, and `maxBytes` if they fit it. */
  take(maxSize: number, maxBytes: number): Batch<Request>;
  /**
   * A batch is in flight no longer; what is to be sent again waits in front of everything else. Gives
   * how often the most tried of them has been sent. Throws when they are not of the batch.
   */
  release(batch: Batch<Request>, retry: readonly Request[]): number;
}

/** Owns: requests in the order in which they came, those that come again in front (Flink `DequeRequestBuffer`). */
export class FifoBuffer<Request> implements RequestBuffer<Request> {
  /** Two columns instead of an object a request. */
  #requests: Request[] = [];
  #sizes: number[] = [];
  #head = 0;
  /** The first of the columns have been sent before, so often. */
  #retries: number[] = [];
  #bytes = 0;

  get size(): number {
    return this.#requests.length - this.#head;
  }

  get sendable(): number {
    return this.size;
  }

  get sendableBytes(): number {
    return this.#bytes;
  }

  add(request: Request, sizeInBytes: number): void {
    this.#requests.push(request);
    this.#sizes.push(sizeInBytes);
    this.#bytes += sizeInBytes;
  }

  take(maxSize: number, maxBytes: number): SizedBatch<Request> {
    const from = this.#head;
    const most = Math.min(this.#requests.length, from + maxSize);
    let to = from;
    let sizeInBytes = 0;
    while (to < most && (to === from || sizeInBytes + (this.#sizes[to] as number) <= maxBytes)) {
      sizeInBytes += this.#sizes[to++] as number;
    }
    const retries = this.#retries.splice(0, to - from);
    const batch = {
      requests: this.#requests.slice(from, to),
      sizes: this.#sizes.slice(from, to),
      sizeInBytes,
      retries: retries.length > 0 ? retries : undefined,
    };
    this.#bytes -= sizeInBytes;
    this.#head = to;
    // Half of the columns is free: each request is moved once at most before it is sent.
    if (to * 2 >= this.#requests.length) this.#compact();
    return batch;
  }

  release(batch: SizedBatch<Request>, retry: readonly Request[]): number {
    if (retry.length === 0) return 0;
    const { requests, sizes, retries } = batch;
    const places = retry === requests ? requests.map((_, i) => i) : placesOf(requests, retry);
    const counts = places.map((place) => (retries?.[place] ?? 0) + 1);
    const again = places.map((place) => sizes[place] as number);
    this.#requests = [...retry, ...this.#requests.slice(this.#head)];
    this.#sizes = [...again, ...this.#sizes.slice(this.#head)];
    this.#head = 0;
    this.#retries = [...counts, ...this.#retries];
    for (const size of again) this.#bytes += size;
    return highest(counts);
  }

  #compact(): void {
    this.#requests = this.#requests.slice(this.#head);
    this.#sizes = this.#sizes.slice(this.#head);
    this.#head = 0;
  }
}

/** A batch that knows what each of its requests takes. */
interface SizedBatch<Request> extends Batch<Request> {
  readonly sizes: readonly number[];
}

/** Where in the batch each request stands; each place is given once, equal requests have one each. */
export function placesOf<Request>(
  requests: readonly Request[],
  retry: readonly Request[],
): readonly number[] {
  const free = new Map<Request, number[]>();
  for (let i = requests.length - 1; i >= 0; i--) {
    const request = requests[i] as Request;
    const places = free.get(request);
    if (places === undefined) free.set(request, [i]);
    else places.push(i);
  }
  return retry.map((request) => {
    const place = free.get(request)?.pop();
    if (place === undefined) throw notOfTheBatch();
    return place;
  });
}

/** What `retry` holds is to be what the call was given. */
function notOfTheBatch(): Error {
  return new Error("its retry holds a request that is not of the batch, or holds one twice");
}

/** 0 when there is none. */
export function highest(counts: readonly number[]): number {
  let most = 0;
  for (const count of counts) if (count > most) most = count;
  return most;
}
