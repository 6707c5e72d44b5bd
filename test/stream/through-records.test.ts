import { bufferCount, from, map, Observable, Subject, scan, take, throwError, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { type Chunk, records$, throughRecords } from "../../src/stream/index.js";
import { chunksOf, collect, type Element, elementsOf } from "./elements.js";

const record = (n: number): Element<number> => ({ record: n, timestamp: n * 10 });
const barrier: Element<number> = { control: "Barrier", value: 1 };
const endOfData: Element<number> = { control: "EndOfData", value: 0 };

describe("throughRecords", () => {
  it("gives what an operator emits the time of the record that brought it about", () => {
    const input = chunksOf([record(1), record(2), barrier, record(3), record(4)]);
    const output = collect(
      from(input).pipe(throughRecords<number, number[]>((r$) => r$.pipe(bufferCount(3)))),
    );
    expect(elementsOf(output)).toEqual([
      { control: "Barrier", value: 1 },
      { record: [1, 2, 3], timestamp: 30 },
    ]);
  });

  it("keeps an operator's state from chunk to chunk", () => {
    const input = chunksOf([record(1), undefined, record(2), undefined, record(3)]);
    const sum = throughRecords<number, number>((r$) => r$.pipe(scan((a, b) => a + b, 0)));
    expect(collect(from(input).pipe(sum, records$()))).toEqual([1, 3, 6]);
  });

  it("emits what operators hold before the end of data", () => {
    const input = chunksOf([record(1), record(2), undefined, record(3), endOfData]);
    const output = collect(
      from(input).pipe(throughRecords<number, number[]>((r$) => r$.pipe(toArray()))),
    );
    expect(elementsOf(output)).toEqual([
      { record: [1, 2, 3], timestamp: 30 },
      { control: "EndOfData", value: 0 },
    ]);
  });

  it("passes controls on after its operators have ended", () => {
    const input = chunksOf([record(1), record(2), barrier, record(3), endOfData]);
    const output = collect(
      from(input).pipe(throughRecords<number, number>((r$) => r$.pipe(take(1)))),
    );
    expect(elementsOf(output)).toEqual([record(1), barrier, endOfData]);
  });

  it("never changes a chunk that it has passed on: what comes later goes with the next one", () => {
    const input = new Subject<Chunk<number>>();
    const late = new Subject<number>();
    const output: Chunk<number>[] = [];
    input.pipe(throughRecords<number, number>(() => late)).subscribe((chunk) => output.push(chunk));
    const [first, second] = chunksOf([record(1), undefined, record(2)]);
    input.next(first as Chunk<number>);
    late.next(100);
    expect(output[0]?.records).toEqual([]);
    input.next(second as Chunk<number>);
    expect(output[1]).toMatchObject({ records: [100], timestamps: [10] });
  });

  it("fails when its operators fail, and lets go of its input", () => {
    const input = new Subject<Chunk<number>>();
    const errors: unknown[] = [];
    input
      .pipe(throughRecords<number, number>(() => throwError(() => new Error("boom"))))
      .subscribe({ error: (error) => errors.push(error) });
    expect(errors).toEqual([new Error("boom")]);
    expect(input.observed).toBe(false);
  });

  it("lets go of both sides when nobody listens any more", () => {
    const input = new Subject<Chunk<number>>();
    let listening = 0;
    const operators = throughRecords<number, number>((r$) => {
      const counted = new Observable<number>((subscriber) => {
        listening++;
        const subscription = r$.subscribe(subscriber);
        return () => {
          listening--;
          subscription.unsubscribe();
        };
      });
      return counted.pipe(map((n) => n));
    });
    const subscription = input.pipe(operators).subscribe();
    expect(listening).toBe(1);
    subscription.unsubscribe();
    expect(input.observed).toBe(false);
    expect(listening).toBe(0);
  });
});
