import { posix } from "node:path";
import { type ProjectFile, stripComments } from "./project-files.js";

/** One import or export-from. */
export interface Import {
  readonly from: string;
  /** A path of the project, or the name of a package such as `xstate` or `node:path`. */
  readonly to: string;
  readonly isTypeOnly: boolean;
}

const STATEMENT =
  /\b(?:import|export)\s+(type\s+)?((?:[\w$*]+\s*,?\s*)?(?:\*\s*as\s+[\w$]+|\{[^}]*\})?|\*(?:\s*as\s+[\w$]+)?)\s*from\s*["']([^"']+)["']|\bimport\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;

/** Everything that a file imports, statically or not. */
export function importsOf({ path, text }: ProjectFile): Import[] {
  return [...stripComments(text).matchAll(STATEMENT)].map((match) => ({
    from: path,
    to: resolve(path, (match[3] ?? match[4] ?? match[5]) as string),
    isTypeOnly: match[1] !== undefined || hasOnlyTypes(match[2] ?? ""),
  }));
}

function hasOnlyTypes(clause: string): boolean {
  const names = /^\{([^}]*)\}$/.exec(clause.trim())?.[1];
  if (names === undefined) return false;
  const parts = names.split(",").map((name) => name.trim());
  return parts.filter((name) => name !== "").every((name) => name.startsWith("type "));
}

function resolve(from: string, specifier: string): string {
  if (specifier.startsWith(".")) {
    return posix.join(posix.dirname(from), specifier).replace(/\.js$/, ".ts");
  }
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** The part of the project that a path belongs to; each connector is one of its own. */
export function folderOf(path: string): string {
  const parts = path.split("/");
  if (parts[0] !== "src") return parts[0] as string;
  if (parts[1] === "connectors") return parts.slice(0, 3).join("/");
  return parts.length > 2 ? (parts[1] as string) : path;
}

/** Every cycle's nodes in a graph of edges, each cycle once; empty: there is none. */
export function cyclesOf(edges: readonly (readonly [string, string])[]): string[][] {
  const targets = new Map<string, Set<string>>();
  for (const [from, to] of edges) {
    if (from !== to) targets.set(from, (targets.get(from) ?? new Set()).add(to));
  }
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): void => {
    const start = path.indexOf(node);
    if (start >= 0) cycles.push([...path.slice(start), node]);
    if (start >= 0 || done.has(node)) return;
    for (const target of targets.get(node) ?? []) visit(target, [...path, node]);
    done.add(node);
  };
  for (const node of targets.keys()) visit(node, []);
  return cycles;
}
