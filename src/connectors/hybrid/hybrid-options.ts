import * as v from "valibot";
import type { Boundedness } from "../../api/boundedness.js";
import type { AnySource } from "../../api/source.js";
import type { SplitEnumerator } from "../../api/split-enumerator.js";
import { optionInvalid } from "../../errors/index.js";
import { expecting } from "../../options/expecting.js";
import { parseOptions } from "../../options/parse-options.js";

/**
 * A source that is made when its turn comes (FLIP-150 `HybridSource.SourceFactory`).
 *
 * Its start position travels as data, so that every subtask, and a restored job, makes the same
 * source again.
 */
export interface DeferredSource<T> {
  /**
   * Where the source starts, told by the enumerator before it, which has handed out all its splits
   * and has not been closed yet. JSON data; it becomes part of the checkpoint. Called once a switch,
   * in the coordinator's loop.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the connector knows its own enumerator
  position?(previousEnumerator: SplitEnumerator<any, any>): unknown;
  /**
   * The source, the same each time for the same position: called for the enumerator in the
   * coordinator's loop and for each reader in its operator's. `previousPosition` is what `position`
   * gave.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the connector knows its own position
  create(start: { readonly previousPosition: any }): AnySource<T>;
  /** What the source will be; default `"BOUNDED"`, as all but the last have to be. */
  readonly boundedness?: Boundedness;
}

/** What `hybridSource` takes. */
export interface HybridSourceOptions<T> {
  /** For status and errors; default "hybrid". */
  readonly name?: string;
  /** At least one; each is read to its end before the next one begins, so only the last may be unbounded. */
  readonly sources: readonly (AnySource<T> | DeferredSource<T>)[];
}

const DEFERRED_KEYS: readonly string[] = ["position", "create", "boundedness"];
const A_SOURCE = "a source, or { create } with position and boundedness where needed";

const schema = v.strictObject({
  name: v.optional(
    expecting<string>((value) => typeof value === "string" && value !== "", "a name"),
    "hybrid",
  ),
  sources: expecting<readonly unknown[]>(
    (value) => Array.isArray(value) && value.length > 0,
    "an array of at least one source",
  ),
});

/** The options, checked; throws OPTION_INVALID naming the source. */
export function parseHybridOptions<T>(
  options: HybridSourceOptions<T>,
): Required<HybridSourceOptions<T>> {
  const { name, sources } = parseOptions("hybridSource", schema, options);
  for (const [index, entry] of sources.entries()) {
    checkEntry(entry, `hybridSource.sources.${index}`, index === sources.length - 1);
  }
  return { name, sources: sources as HybridSourceOptions<T>["sources"] };
}

export function isSource<T>(entry: AnySource<T> | DeferredSource<T>): entry is AnySource<T> {
  return "createReader" in entry;
}

/** Refuses what cannot be one of the sources at that place, made now or later. */
export function checkSource(source: unknown, path: string, isLast: boolean): void {
  if (!isRecord(source) || typeof source.createReader !== "function") {
    throw optionInvalid(path, source, "a source");
  }
  checkBoundedness(source.boundedness, path, isLast);
  if (source.supportsSplitReassignmentOnRecovery === true) {
    throw optionInvalid(
      `${path}.supportsSplitReassignmentOnRecovery`,
      true,
      "a source whose readers keep their splits when they recover",
    );
  }
}

function checkEntry(entry: unknown, path: string, isLast: boolean): void {
  if (!isRecord(entry)) throw optionInvalid(path, entry, A_SOURCE);
  if ("createReader" in entry) {
    checkSource(entry, path, isLast);
    return;
  }
  if (typeof entry.create !== "function") throw optionInvalid(path, entry, A_SOURCE);
  const unknown = Object.keys(entry).find((key) => !DEFERRED_KEYS.includes(key));
  if (unknown !== undefined) {
    throw optionInvalid(`${path}.${unknown}`, entry[unknown], "no such option");
  }
  if (entry.position !== undefined && typeof entry.position !== "function") {
    throw optionInvalid(`${path}.position`, entry.position, "a function");
  }
  checkBoundedness(entry.boundedness ?? "BOUNDED", path, isLast);
}

function checkBoundedness(boundedness: unknown, path: string, isLast: boolean): void {
  if (boundedness === "BOUNDED") return;
  if (boundedness === "CONTINUOUS_UNBOUNDED" && isLast) return;
  throw optionInvalid(
    `${path}.boundedness`,
    boundedness,
    isLast
      ? '"BOUNDED" or "CONTINUOUS_UNBOUNDED"'
      : '"BOUNDED", because the sources behind it begin when it has ended',
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
