import { isDeepStrictEqual } from "node:util";
import type { Boundedness } from "../../api/boundedness.js";
import type { AnySource, Source } from "../../api/source.js";
import type { SourceSplit } from "../../api/source-split.js";
import type { SplitEnumerator } from "../../api/split-enumerator.js";
import { HeadwaterError, optionInvalid } from "../../errors/index.js";
import { checkSource, type HybridSourceOptions, isSource } from "./hybrid-options.js";

/** A source whose splits and checkpoints are known by it alone. */
// biome-ignore lint/suspicious/noExplicitAny: as AnySource, with its splits known to have an id
export type ChainedSource<T> = Source<T, SourceSplit, any>;

/** The sources of a hybrid source in their order; holds no state. */
export class SourceChain<T> {
  readonly name: string;
  readonly #entries: HybridSourceOptions<T>["sources"];

  constructor({ name, sources }: Required<HybridSourceOptions<T>>) {
    this.name = name;
    this.#entries = sources;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Of the last source, and so of the whole. */
  get boundedness(): Boundedness {
    return this.#entries.at(-1)?.boundedness ?? "BOUNDED";
  }

  isFinal(index: number): boolean {
    return index >= this.#entries.length - 1;
  }

  /**
   * Where source `index` starts; undefined where it does not depend on the source before it. Throws
   * OPTION_INVALID for a position that is no JSON data.
   */
  positionFor(index: number, previousEnumerator: SplitEnumerator<SourceSplit, unknown>): unknown {
    const entry = this.#entries[index];
    if (entry === undefined || isSource(entry) || entry.position === undefined) return undefined;
    const path = `hybridSource.sources.${index}.position`;
    const position = calling(path, () => entry.position?.(previousEnumerator));
    if (!survivesJson(position)) throw optionInvalid(path, position, "a function that gives JSON");
    return position;
  }

  /** The source at `index`, made if it is deferred; throws OPTION_INVALID if that gives none. */
  sourceAt(index: number, previousPosition: unknown): ChainedSource<T> {
    const entry = this.#entries[index] as HybridSourceOptions<T>["sources"][number];
    if (isSource(entry)) return entry;
    const path = `hybridSource.sources.${index}.create`;
    const source: AnySource<T> = calling(path, () => entry.create({ previousPosition }));
    checkSource(source, path, this.isFinal(index));
    const boundedness = entry.boundedness ?? "BOUNDED";
    if (source.boundedness !== boundedness) {
      throw optionInvalid(
        `${path}.boundedness`,
        source.boundedness,
        `"${boundedness}", as hybridSource.sources.${index}.boundedness says`,
      );
    }
    return source;
  }
}

function calling<R>(path: string, call: () => R): R {
  try {
    return call();
  } catch (cause) {
    if (cause instanceof HeadwaterError) throw cause;
    // What it asks of the outside may be there the next time.
    throw new HeadwaterError("OPTION_INVALID", `option ${path}: it threw`, {
      domain: "user",
      retry: "backoff",
      scope: "job",
      cause,
      hint: "The cause says what went wrong in that function.",
    });
  }
}

function survivesJson(value: unknown): boolean {
  if (value === undefined) return true;
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value);
  } catch {
    return false;
  }
}
