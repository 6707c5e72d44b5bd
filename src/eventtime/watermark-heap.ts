import type { Watermark } from "../api/watermark.js";
import type { PartialWatermark } from "./partial-watermark.js";

/**
 * The lowest watermark of many outputs, without looking at all of them.
 *
 * Owns: the heap places of the outputs in it. Called by: `CombinedWatermarkStatus`.
 * Invariants: watermarks only rise, so a key that lags behind its watermark is still a lower bound;
 * an output that rises costs nothing until it is the lowest, and is put right then.
 */
export class WatermarkHeap {
  readonly #heap: PartialWatermark[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(output: PartialWatermark): void {
    output.heapKey = output.watermark;
    this.#heap.push(output);
    this.#up(output, this.#heap.length - 1);
  }

  remove(output: PartialWatermark): void {
    const index = output.heapIndex;
    if (index < 0) return;
    output.heapIndex = -1;
    const last = this.#heap.pop() as PartialWatermark;
    if (last === output) return;
    last.heapKey = last.watermark;
    this.#up(last, index);
    this.#down(last, last.heapIndex);
  }

  /** Call it only when there is an output. */
  minimum(): Watermark {
    let root = this.#heap[0] as PartialWatermark;
    while (root.heapKey !== root.watermark) {
      root.heapKey = root.watermark;
      this.#down(root, 0);
      root = this.#heap[0] as PartialWatermark;
    }
    return root.watermark;
  }

  #up(output: PartialWatermark, start: number): void {
    const heap = this.#heap;
    let index = start;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as PartialWatermark;
      if (parent.heapKey <= output.heapKey) break;
      heap[index] = parent;
      parent.heapIndex = index;
      index = parentIndex;
    }
    heap[index] = output;
    output.heapIndex = index;
  }

  #down(output: PartialWatermark, start: number): void {
    const heap = this.#heap;
    const size = heap.length;
    let index = start;
    for (let childIndex = 2 * index + 1; childIndex < size; childIndex = 2 * index + 1) {
      let child = heap[childIndex] as PartialWatermark;
      const right = heap[childIndex + 1];
      if (right !== undefined && right.heapKey < child.heapKey) {
        child = right;
        childIndex++;
      }
      if (output.heapKey <= child.heapKey) break;
      heap[index] = child;
      child.heapIndex = index;
      index = childIndex;
    }
    heap[index] = output;
    output.heapIndex = index;
  }
}
