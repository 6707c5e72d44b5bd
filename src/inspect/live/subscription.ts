import * as v from "valibot";
import { parseOptions } from "../../options/parse-options.js";
import type { Subscribe } from "../protocol.js";
import { Patterns } from "./patterns.js";

const id = v.pipe(v.string(), v.maxLength(1000));
const patterns = v.pipe(v.array(id), v.maxLength(200));
const schema = v.strictObject({
  type: v.literal("subscribe"),
  snapshots: v.optional(v.pipe(v.array(id), v.maxLength(32)), []),
  transitions: v.optional(patterns, []),
  mailbox: v.optional(
    v.strictObject({
      actors: patterns,
      between: v.optional(v.boolean(), false),
      events: v.optional(v.pipe(v.array(id), v.maxLength(100))),
      payloads: v.optional(v.boolean(), false),
    }),
  ),
});

/** What a page wants to be told beside what every page is told. */
export class Subscription {
  readonly snapshots: ReadonlySet<string>;
  readonly transitions: Patterns;
  readonly wantsMailbox: boolean;
  readonly wantsPayloads: boolean;
  readonly #actors: Patterns;
  readonly #between: boolean;
  readonly #events: ReadonlySet<string> | undefined;

  constructor(message: Omit<Subscribe, "type"> = {}) {
    const { snapshots = [], transitions = [], mailbox } = message;
    this.snapshots = new Set(snapshots);
    this.transitions = new Patterns(transitions);
    this.wantsMailbox = mailbox !== undefined && mailbox.actors.length > 0;
    this.wantsPayloads = mailbox?.payloads === true;
    this.#actors = new Patterns(mailbox?.actors ?? []);
    this.#between = mailbox?.between === true;
    this.#events = mailbox?.events === undefined ? undefined : new Set(mailbox.events);
  }

  /** Throws OPTION_INVALID, or a SyntaxError for what is no JSON. */
  static parse(text: string): Subscription {
    return new Subscription(parseOptions("message", schema, JSON.parse(text)) as Subscribe);
  }

  matchesEnvelope(from: string, to: string, event: string): boolean {
    if (!this.wantsMailbox || this.#events?.has(event) === false) return false;
    return this.#between
      ? this.#actors.matches(from) && this.#actors.matches(to)
      : this.#actors.matches(from) || this.#actors.matches(to);
  }
}
