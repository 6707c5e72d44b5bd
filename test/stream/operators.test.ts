import fc from "fast-check";
import { filter as filterRecords, from, map as mapRecords, mergeMap, of } from "rxjs";
import { describe, expect, it } from "vitest";
import {
  assignTimestamps,
  type ChunkOperator,
  filter,
  flatMap,
  map,
  process,
  records$,
  tap,
  throughRecords,
} from "../../src/stream/index.js";
import { anyStream, chunksOf, collect, type Element, elementsOf } from "./elements.js";

type Operator = ChunkOperator<number, number>;

interface Sample {
  readonly operator: () => Operator;
  /** What becomes of one record. */
  readonly model: (record: number) => readonly number[];
}

const isEven = (n: number): boolean => n % 2 === 0;
const repeat = (n: number): number[] => new Array<number>(Math.abs(n) % 3).fill(n);

const samples: Readonly<Record<string, Sample>> = {
  map: { operator: () => map((n: number) => n + 1), model: (n) => [n + 1] },
  filter: { operator: () => filter(isEven), model: (n) => (isEven(n) ? [n] : []) },
  flatMap: { operator: () => flatMap(repeat), model: repeat },
  tap: { operator: () => tap<number>(() => {}), model: (n) => [n] },
  process: {
    operator: () =>
      process<number, number>({
        name: "repeat",
        create: () => ({
          processRecord: (n, _timestamp, out) => {
            for (const one of repeat(n)) out.collect(one);
          },
        }),
      }),
    model: repeat,
  },
  throughRecords: {
    operator: () =>
      throughRecords<number, number>((r$) =>
        r$.pipe(
          filterRecords(isEven),
          mergeMap((n) => of(n, -n)),
        ),
      ),
    model: (n) => (isEven(n) ? [n, -n] : []),
  },
};

describe("operators over chunks", () => {
  it("leave each control between the same records, for any stream and any chain", () => {
    const chain = fc.array(fc.constantFrom(...Object.keys(samples)), { maxLength: 5 });
    fc.assert(
      fc.property(anyStream, chain, (stream, names) => {
        const input = chunksOf(stream);
        const used = names.map((name) => samples[name] as Sample);
        const output = collect(
          used.reduce((chunks, { operator }) => chunks.pipe(operator()), from(input)),
        );
        expect(output).toHaveLength(input.length);
        const expected = elementsOf(input).flatMap((element): Element<number>[] => {
          if ("control" in element) return [element];
          const records = used.reduce(
            (all: readonly number[], { model }) => all.flatMap((n) => [...model(n)]),
            [element.record],
          );
          return records.map((record) => ({ record, timestamp: element.timestamp }));
        });
        expect(elementsOf(output)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("leave the chunks that they are given as they were", () => {
    fc.assert(
      fc.property(anyStream, fc.constantFrom(...Object.values(samples)), (stream, sample) => {
        const input = chunksOf(stream);
        collect(from(input).pipe(sample.operator()));
        expect(input).toEqual(chunksOf(stream));
      }),
    );
  });

  it.each(Object.entries(samples))("%s passes an error of its function on", (name) => {
    const boom = (): never => {
      throw new Error("boom");
    };
    const failing: Readonly<Record<string, Operator>> = {
      map: map(boom),
      filter: filter<number>(boom),
      flatMap: flatMap(boom),
      tap: tap(boom),
      process: process({ name: "failing", create: () => ({ processRecord: boom }) }),
      throughRecords: throughRecords((r$) => r$.pipe(mapRecords(boom))),
    };
    const input = chunksOf([{ record: 1, timestamp: 0 }]);
    expect(() => collect(from(input).pipe(failing[name] as Operator))).toThrow("boom");
  });

  it("get each record's timestamp", () => {
    const seen: [number, number][] = [];
    const note = (record: number, timestamp: number): number => seen.push([record, timestamp]);
    const input = chunksOf([{ record: 5, timestamp: 50 }]);
    const keep = (record: number, timestamp: number): boolean => note(record, timestamp) > 0;
    collect(
      from(input).pipe(
        map(note),
        filter(keep),
        flatMap((n, t) => [note(n, t)]),
        tap(note),
      ),
    );
    expect(seen).toEqual([
      [5, 50],
      [1, 50],
      [1, 50],
      [3, 50],
    ]);
  });
});

describe("assignTimestamps", () => {
  it("replaces the times of the records and nothing else", () => {
    const input = chunksOf([
      { record: 1, timestamp: 0 },
      { control: "Watermark", value: 7 },
      { record: 2, timestamp: 0 },
    ]);
    const output = collect(from(input).pipe(assignTimestamps((n: number) => n * 10)));
    expect(elementsOf(output)).toEqual([
      { record: 1, timestamp: 10 },
      { control: "Watermark", value: 7 },
      { record: 2, timestamp: 20 },
    ]);
  });
});

describe("records$", () => {
  it("gives the records of all chunks in order, without the controls", () => {
    fc.assert(
      fc.property(anyStream, (stream) => {
        const input = chunksOf(stream);
        expect(collect(from(input).pipe(records$()))).toEqual(input.flatMap((c) => [...c.records]));
      }),
    );
  });
});
