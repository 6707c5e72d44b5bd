import type { Mutant } from "./mutants.js";

/** Defects that lose nothing, and hold in memory what nobody needs any more. */
export const LEAKING_MUTANTS: readonly Mutant[] = [
  {
    name: "keeps assignments of completed checkpoints",
    file: "src/coordinator/split-assignment-tracker.js",
    find: "if (id <= checkpointId)",
    replace: "if (false)",
    job: "transactional",
  },
  {
    name: "keeps the sequence numbers of stopped actors",
    file: "src/mailbox/actor-system.js",
    find: "this.#sequences.delete(self);",
    replace: "",
    job: "plain",
  },
  {
    name: "keeps packets that were delivered",
    file: "src/mailbox/reliable-transport.js",
    find: "this.#early.delete(this.#expected++);",
    replace: "this.#expected++;",
    job: "transactional",
  },
  {
    name: "keeps what has been committed",
    file: "src/runtime/sink-commits.js",
    find: 'const postponed = of("RETRY");',
    replace:
      'const postponed = of("RETRY");\n(this.#options.kept ??= []).push(...batch.map(Object.values));',
    job: "transactional",
  },
  {
    name: "keeps the addresses of fetchers that have stopped",
    file: "src/runtime/reader-actors-below.js",
    find: "this.#addresses.delete(context.self);",
    replace: "",
    job: "stateful",
  },
  {
    name: "keeps the counts of fetchers without splits",
    file: "src/reader/split-ownership.js",
    find: "if (count === 0)",
    replace: "if (false)",
    job: "stateful",
  },
];
