import type { MailboxEnvelope, Subscribe } from "../protocol.js";
import { byId, element, setAttribute, setText, svg } from "./element.js";
import { timeOfDay } from "./format.js";
import type { JobModel } from "./job-model.js";

const LINE = 22;
const HEAD = 34;
const SHOWN = 200;
const COLUMNS = 12;
const WIDTH = 150;
/** Characters of a name that fit above its line. */
const LONGEST_NAME = 22;

/**
 * Owns: the sequence diagram of mailbox events. Called by: the page's frame and its controls.
 * Invariants: asks the job only for what it shows; draws the newest 200 events between 12 actors; one
 * stop of the tab key, in which arrows go from event to event (ARIA's listbox pattern).
 */
export class MailboxView {
  readonly #model: JobModel;
  readonly #asked: () => void;
  readonly #actors = new Set<string>();
  readonly #chips = element("ul", { class: "chips", "aria-label": "Actors shown" });
  readonly #between = element("input", { type: "checkbox", id: "between" });
  readonly #events = element("input", { type: "search", placeholder: "Event type…" });
  readonly #hold = element("button", { type: "button", "aria-pressed": "false" }, "Hold");
  readonly #state = element("p", { class: "note", role: "status" });
  readonly #heads = svg("svg", { class: "heads", "aria-hidden": "true" });
  readonly #diagram = svg("svg", { role: "presentation" });
  readonly #frame = element(
    "div",
    {
      class: "sequence",
      tabindex: 0,
      role: "listbox",
      "aria-label": "Mailbox events, the newest last",
    },
    this.#heads,
    this.#diagram,
  );
  readonly #payload = element("pre", {
    class: "payload",
    tabindex: 0,
    role: "region",
    "aria-label": "Event",
  });
  #held: readonly MailboxEnvelope[] | undefined;
  #drawn = "";
  #shown: readonly MailboxEnvelope[] = [];
  #opened: MailboxEnvelope | undefined;
  /** The newest events stay in sight until somebody scrolls up. */
  #follows = true;

  constructor(model: JobModel, asked: () => void) {
    this.#model = model;
    this.#asked = asked;
    this.#events.setAttribute("aria-label", "Only events whose type has this text");
    this.#between.addEventListener("change", () => this.#ask());
    this.#hold.addEventListener("click", () => {
      this.#held = this.#held === undefined ? [...this.#model.envelopes] : undefined;
      this.#hold.setAttribute("aria-pressed", String(this.#held !== undefined));
      setText(this.#hold, this.#held === undefined ? "Hold" : "Go on");
    });
    this.#diagram.addEventListener("click", (event) => {
      const line = (event.target as Element).closest<SVGElement>(".message");
      this.#open(this.#shown[Number(line?.dataset.at)]);
    });
    this.#frame.addEventListener("keydown", (event) => this.#key(event));
    this.#frame.addEventListener("scroll", () => {
      const { scrollTop, clientHeight, scrollHeight } = this.#frame;
      this.#follows = scrollTop + clientHeight >= scrollHeight - LINE;
    });
    const clear = element("button", { type: "button" }, "All actors");
    clear.addEventListener("click", () => {
      this.#actors.clear();
      this.#ask();
    });
    byId("mailbox").append(
      element(
        "div",
        { class: "panel-head" },
        element("h2", {}, "Mailbox events"),
        this.#chips,
        element(
          "span",
          { class: "controls" },
          clear,
          element("label", {}, this.#between, " only between these"),
          this.#events,
          this.#hold,
        ),
      ),
      this.#state,
      this.#frame,
      this.#payload,
    );
    this.#drawChips();
  }

  /** Shows this actor's events too, or no longer. */
  toggle(id: string): void {
    if (!this.#actors.delete(id)) this.#actors.add(id);
    this.#ask();
  }

  has(id: string): boolean {
    return this.#actors.has(id);
  }

  get filter(): NonNullable<Subscribe["mailbox"]> {
    const actors = this.#actors.size === 0 ? ["*"] : [...this.#actors];
    return { actors, between: this.#between.checked && this.#actors.size > 1, payloads: true };
  }

  draw(): void {
    const text = this.#events.value.trim().toLowerCase();
    const state = `${this.#model.version("mailbox")}/${text}/${this.#held?.length ?? "on"}`;
    if (state === this.#drawn) return;
    this.#drawn = state;
    // Some of what was asked for before may still have been on its way.
    const all = (this.#held ?? this.#model.envelopes).filter((one) => this.#isAskedFor(one));
    const matching = all.filter(({ event }) => event.toLowerCase().includes(text));
    const columns = columnsOf(matching.slice(-SHOWN));
    const shown = matching
      .slice(-SHOWN)
      .filter(({ from, to }) => columns.includes(from) && columns.includes(to));
    const { droppedEnvelopes: dropped } = this.#model;
    setText(
      this.#state,
      `${shown.length} of ${all.length} events` +
        (dropped > 0 ? `; ${dropped} came too fast to be shown` : "") +
        (shown.length < Math.min(SHOWN, matching.length)
          ? "; choose actors to see the others"
          : ""),
    );
    this.#shown = shown;
    this.#drawDiagram(columns, shown);
  }

  #isAskedFor({ from, to }: MailboxEnvelope): boolean {
    const [sends, receives] = [this.#actors.has(from), this.#actors.has(to)];
    if (this.#actors.size === 0) return true;
    return this.filter.between === true ? sends && receives : sends || receives;
  }

  #ask(): void {
    this.#held = undefined;
    this.#model.clearEnvelopes();
    this.#drawChips();
    this.#asked();
  }

  #drawChips(): void {
    const chips = [...this.#actors].map((id) => {
      const chip = element("button", { type: "button", title: id }, `${this.#name(id)} ✕`);
      chip.setAttribute("aria-label", `no longer ${id}`);
      chip.addEventListener("click", () => this.toggle(id));
      return element("li", {}, chip);
    });
    const none = element("li", { class: "note" }, "all actors; choose some in the tree");
    this.#chips.replaceChildren(...(chips.length === 0 ? [none] : chips));
  }

  #drawDiagram(columns: readonly string[], envelopes: readonly MailboxEnvelope[]): void {
    const left = 92;
    const x = (id: string) => left + columns.indexOf(id) * WIDTH + WIDTH / 2;
    const height = envelopes.length * LINE + 8;
    const width = left + columns.length * WIDTH + 10;
    resize(this.#heads, width, HEAD);
    resize(this.#diagram, width, height);
    this.#heads.replaceChildren(
      ...columns.map((id) =>
        svg(
          "text",
          { class: "who", x: x(id), y: 20, "text-anchor": "middle" },
          svg("title", {}, id),
          cut(this.#name(id)),
        ),
      ),
    );
    const lives = columns.map((id) =>
      svg("line", { class: "life", x1: x(id), x2: x(id), y1: 0, y2: height }),
    );
    const lines = envelopes.map((envelope, at) => this.#line(envelope, at, x));
    this.#diagram.replaceChildren(...lives, ...lines);
    this.#markOpened();
    if (this.#follows && this.#held === undefined) this.#frame.scrollTop = this.#frame.scrollHeight;
  }

  #line(envelope: MailboxEnvelope, at: number, x: (id: string) => number): SVGElement {
    const y = at * LINE + 14;
    const [from, to] = [x(envelope.from), x(envelope.to)];
    const isSelf = from === to;
    const direction = to > from ? 1 : -1;
    const tip = isSelf ? to + 4 : to - 2 * direction;
    const path = isSelf ? `M${from} ${y - 4} h18 v8 H${tip}` : `M${from} ${y} H${tip}`;
    const side = isSelf ? -1 : direction;
    const base = tip - 6 * side;
    return svg(
      "g",
      {
        class: "message",
        role: "option",
        id: `message-${at}`,
        "data-at": at,
        "data-outcome": envelope.outcome,
        "aria-label": `${timeOfDay(envelope.time)} ${envelope.event} from ${this.#name(envelope.from)} to ${this.#name(envelope.to)}, ${envelope.outcome}`,
      },
      svg("rect", { class: "hit", x: 0, y: y - LINE / 2, width: "100%", height: LINE }),
      svg("text", { class: "when", x: 4, y: y + 4 }, timeOfDay(envelope.time)),
      svg("path", { class: "arrow", d: path }),
      svg("path", {
        class: "tip",
        d: isSelf
          ? `M${tip} ${y + 4} l6 -3 v6 z`
          : `M${tip} ${y} L${base} ${y - 3.5} V${y + 3.5} z`,
      }),
      svg(
        "text",
        {
          class: "event",
          x: isSelf ? from + 22 : (from + to) / 2,
          y: y - (isSelf ? -3 : 3),
          "text-anchor": isSelf ? "start" : "middle",
        },
        envelope.event,
      ),
    );
  }

  /** As the tree calls it, and whose it is where that does not say enough. */
  #name(id: string): string {
    const row = this.#model.rows.get(id);
    const parent = row?.parent === undefined ? undefined : this.#model.rows.get(row.parent);
    const isInside = row?.kind === "fetcher" || row?.kind === "operator" || row?.kind === "machine";
    if (row !== undefined) return isInside ? `${parent?.name} ${row.name}` : row.name;
    return id.split("/").slice(-2).join("/");
  }

  #key(event: KeyboardEvent): void {
    const at = this.#opened === undefined ? this.#shown.length : this.#shown.indexOf(this.#opened);
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: this.#shown.length - 1,
    };
    const to = steps[event.key];
    if (to === undefined || event.target !== this.#frame) return;
    event.preventDefault();
    const bounded = Math.max(0, Math.min(this.#shown.length - 1, to));
    this.#open(this.#shown[bounded]);
    this.#diagram.querySelector(`#message-${bounded}`)?.scrollIntoView({ block: "nearest" });
  }

  #open(envelope: MailboxEnvelope | undefined): void {
    if (envelope === undefined) return;
    this.#opened = envelope;
    this.#markOpened();
    const { payload, ...head } = envelope;
    setText(this.#payload, JSON.stringify({ ...head, payload }, undefined, 2));
  }

  #markOpened(): void {
    const at = this.#opened === undefined ? -1 : this.#shown.indexOf(this.#opened);
    const id = `message-${at}`;
    for (const one of this.#diagram.querySelectorAll("[aria-selected=true]")) {
      if (one.id !== id) one.removeAttribute("aria-selected");
    }
    this.#diagram.querySelector(`#${id}`)?.setAttribute("aria-selected", "true");
    setAttribute(this.#frame, "aria-activedescendant", at < 0 ? undefined : id);
  }
}

function resize(drawing: SVGElement, width: number, height: number): void {
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  drawing.setAttribute("width", String(width));
  drawing.setAttribute("height", String(height));
}

/** The end of a name says more than its beginning. */
function cut(name: string): string {
  return name.length <= LONGEST_NAME ? name : `…${name.slice(1 - LONGEST_NAME)}`;
}

/** Those that take part most, in the order in which they appear. */
function columnsOf(envelopes: readonly MailboxEnvelope[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { from, to } of envelopes) {
    for (const id of [from, to]) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, COLUMNS);
  const kept = new Set(most.map(([id]) => id));
  return [...counts.keys()].filter((id) => kept.has(id));
}
