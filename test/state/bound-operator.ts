import { from, Subject } from "rxjs";
import { decodeState } from "../../src/runtime/pipeline.js";
import type { Chunk, StatefulOperator } from "../../src/stream/index.js";
import {
  type OperatorContext,
  STANDALONE,
  type StateSnapshot,
} from "../../src/stream/operator-context.js";
import { chunksOf, type Element, elementsOf } from "../stream/elements.js";

/** One attempt of a stateful operator, fed by hand; a snapshot becomes bytes when the test says so. */
export class BoundOperator<T, B> {
  readonly snapshots = new Map<number, StateSnapshot>();
  readonly declined: string[] = [];
  readonly #input = new Subject<Chunk<T>>();
  readonly #out: Chunk<B>[] = [];
  #error: { readonly error: unknown } | undefined;

  /** `restored`: bytes of old states. */
  constructor(operator: unknown, restored: readonly Uint8Array[] = [], version = 2, subtask = 0) {
    const { operatorName, bind } = operator as StatefulOperator;
    const context: OperatorContext = {
      ...STANDALONE,
      indexOfSubtask: subtask,
      restoredStates: restored.map((bytes) => decodeState(operatorName, { version, bytes })),
      acknowledge: (id, _name, state) => this.snapshots.set(id, state as StateSnapshot),
      decline: (_id, error) => this.declined.push(error.message),
    };
    (bind(context) as unknown as (chunks: Subject<Chunk<T>>) => Subject<Chunk<B>>)(
      this.#input,
    ).subscribe({
      next: (chunk) => this.#out.push(chunk),
      error: (error: unknown) => {
        this.#error = { error };
      },
    });
    this.#rethrow();
  }

  /** What comes out of these elements. */
  run(elements: readonly Element<T>[]): Element<B>[] {
    from(chunksOf(elements)).subscribe((chunk) => this.#input.next(chunk));
    this.#rethrow();
    return elementsOf(this.#out.splice(0));
  }

  #rethrow(): void {
    if (this.#error !== undefined) throw this.#error.error;
  }

  /** Only the records. */
  records(elements: readonly Element<T>[]): B[] {
    return this.run(elements).flatMap((element) => ("record" in element ? [element.record] : []));
  }

  /** A barrier: the state as it is now. */
  barrier(checkpointId: number): StateSnapshot {
    this.run([{ control: "Barrier", value: checkpointId }]);
    const snapshot = this.snapshots.get(checkpointId);
    if (snapshot === undefined) throw new Error("no snapshot");
    return snapshot;
  }
}

export function bytesOf(snapshot: StateSnapshot): Uint8Array {
  while (!snapshot.isSerialized) snapshot.serializeSome();
  return snapshot.bytes;
}

export const record = <T>(value: T, timestamp: number): Element<T> => ({
  record: value,
  timestamp,
});

export const watermark = <T>(value: number): Element<T> => ({ control: "Watermark", value });
