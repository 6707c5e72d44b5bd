import * as v from "valibot";
import type { CommitRequest, Sink, SinkWriter } from "../../src/api/index.js";
import { jsonSerializer } from "../../src/serde/index.js";
import type { Life } from "./life.js";
import { StreamCheck, type StreamRules } from "./stream-check.js";
import type { World } from "./world.js";

/** A prepared transaction of the sink service. */
interface Prepared {
  readonly id: number;
}

/** What writers of both sinks do: gather records, send them when there are enough. */
class BufferedWriter {
  readonly life: Life;
  readonly #check: StreamCheck;
  #buffer: number[] = [];

  constructor(life: Life, rules: StreamRules) {
    this.life = life;
    this.#check = new StreamCheck(life.world, rules);
  }

  write(records: readonly number[], timestamps: readonly number[]): void | Promise<void> {
    this.life.check("writer.write");
    for (const [index, record] of records.entries()) {
      this.#check.record(record, timestamps[index] ?? 0);
      this.#buffer.push(record);
    }
    if (this.#buffer.length > this.life.world.plan.sinkBuffer) return this.send();
  }

  writeWatermark(watermark: number): void {
    this.#check.watermark(watermark);
  }

  async flush(): Promise<void> {
    this.life.check("writer.flush");
    await this.send();
  }

  async send(): Promise<void> {
    const batch = this.#buffer;
    this.#buffer = [];
    if (batch.length > 0) await this.deliver(batch);
  }

  protected async deliver(_batch: readonly number[]): Promise<void> {}

  protected call<R>(place: string, effect: () => R): Promise<R> {
    return this.life.call(place, this.life.world.plan.latency.sink, effect);
  }
}

class PlainWriter extends BufferedWriter implements SinkWriter<number> {
  protected override async deliver(batch: readonly number[]): Promise<void> {
    await this.call("sink.write", () => this.life.world.sink.append(batch));
  }

  close(): void {
    this.life.check("writer.close");
  }
}

/** Appends records; what was sent is there, whatever comes of the job. */
export function plainSink(world: World, rules: StreamRules): Sink<number> {
  return {
    name: "appended",
    async createWriter() {
      const { life } = world;
      await life.call("writer.create", 0, () => undefined);
      return new PlainWriter(life, rules);
    },
  };
}

class TransactionalWriter extends BufferedWriter implements SinkWriter<number, unknown, Prepared> {
  #id: number | undefined;

  protected override async deliver(batch: readonly number[]): Promise<void> {
    const { sink } = this.life.world;
    this.#id ??= sink.begin();
    const id = this.#id;
    await this.call("sink.write", () => sink.write(id, batch));
  }

  async prepareCommit(): Promise<readonly Prepared[]> {
    this.life.check("writer.prepare");
    const id = this.#id;
    if (id === undefined) return [];
    await this.call("sink.prepare", () => this.life.world.sink.prepare(id));
    this.#id = undefined;
    return [{ id }];
  }

  async close(): Promise<void> {
    this.life.check("writer.close");
    const id = this.#id;
    if (id !== undefined) await this.call("sink.abort", () => this.life.world.sink.abort(id));
  }
}

/** Writes one transaction a checkpoint; answers to its commits get lost. */
export function transactionalSink(world: World, rules: StreamRules): Sink<number> {
  const sink: Sink<number, unknown, Prepared> = {
    name: "transactions",
    async createWriter() {
      const { life } = world;
      await life.call("writer.create", 0, () => undefined);
      return new TransactionalWriter(life, rules);
    },
    committer: {
      serializer: jsonSerializer<Prepared>({
        name: "transaction",
        version: 1,
        schema: v.strictObject({ id: v.number() }),
      }),
      async create() {
        const { life } = world;
        await life.call("committer.create", 0, () => undefined);
        return {
          async commit(requests) {
            for (const request of requests) await commit(life, request);
          },
        };
      },
    },
  };
  return sink as Sink<number>;
}

async function commit(life: Life, request: CommitRequest<Prepared>): Promise<void> {
  const { world } = life;
  if (world.faults.take("sink.commit.later") !== undefined) {
    request.retryLater();
    return;
  }
  const { id } = request.committable;
  const effect = (): boolean => world.sink.commit(id);
  const isNew = await life.call("sink.commit", world.plan.latency.sink, effect);
  if (!isNew) request.alreadyCommitted();
}
