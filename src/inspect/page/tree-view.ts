import type { ActorKind, ActorRow } from "../protocol.js";
import { byId, element, setAttribute, setText } from "./element.js";
import { count, shortCount, shortEventTime, shortName } from "./format.js";
import type { JobModel } from "./job-model.js";

const ROW = 26;
/** Rows drawn above and below what is seen, so that scrolling shows no gaps. */
const MARGIN = 6;
/** An actor with more below it is closed until somebody opens it. */
const MANY = 60;
/** The end of a name that is always shown: it tells one split from another. */
const TAIL = 5;

interface Line {
  readonly id: string;
  readonly level: number;
  readonly position: number;
  readonly siblings: number;
}

const KINDS: Record<ActorKind, string> = {
  job: "J",
  "checkpoint-coordinator": "✓",
  pipeline: "P",
  coordinator: "C",
  subtask: "T",
  operator: "O",
  "fetcher-manager": "M",
  fetcher: "F",
  split: "S",
  machine: "·",
};

/**
 * Owns: the tree of actors. Called by: the page's frame (`draw`) and the reader's keys and clicks.
 * Invariants: only rows in sight are in the document, however many there are; the focus stays on the
 * tree, which names its active row (ARIA's tree pattern).
 */
export class TreeView {
  readonly #model: JobModel;
  readonly #choose: (id: string) => void;
  readonly #tree = byId<HTMLDivElement>("tree");
  readonly #space = element("div", { class: "tree-space", role: "presentation" });
  readonly #pool: HTMLElement[] = [];
  readonly #toggled = new Map<string, boolean>();
  #find = "";
  #lines: readonly Line[] = [];
  #drawn = "";
  #active: string | undefined;
  #isRevealDue = false;

  constructor(model: JobModel, choose: (id: string) => void) {
    this.#model = model;
    this.#choose = choose;
    this.#tree.append(this.#space);
    this.#tree.addEventListener("keydown", (event) => this.#key(event));
    this.#tree.addEventListener("click", (event) => this.#click(event));
    this.#tree.addEventListener("scroll", () => this.#drawRows(), { passive: true });
    const ended = byId<HTMLInputElement>("shows-ended");
    ended.addEventListener("change", () => {
      this.#model.showsEnded = ended.checked;
    });
    const find = byId<HTMLInputElement>("find");
    find.addEventListener("input", () => {
      this.#find = find.value.trim().toLowerCase();
      this.#tree.scrollTop = 0;
      // Back in the whole tree, at what was found.
      if (this.#find === "") this.#isRevealDue = true;
      this.draw();
    });
    find.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") this.#tree.focus();
    });
  }

  /** Marks an actor, opens what hides it, and brings it into sight. */
  show(id: string): void {
    this.#active = id;
    this.#isRevealDue = true;
    this.draw();
  }

  /** As soon as the actor is known: after a reload the page learns of it later. */
  #revealWhenKnown(): void {
    const { rows } = this.#model;
    if (!this.#isRevealDue || this.#active === undefined || !rows.has(this.#active)) return;
    this.#isRevealDue = false;
    for (let up = rows.get(this.#active)?.parent; up !== undefined; up = rows.get(up)?.parent) {
      if (!this.#isOpen(up)) this.#toggled.set(up, true);
    }
    this.#drawLines();
    this.#reveal();
  }

  draw(): void {
    const model = this.#model;
    this.#drawLines();
    this.#revealWhenKnown();
    (byId("ended").parentElement as HTMLElement).hidden = model.endedRows === 0;
    setText(byId("ended"), `${count(model.endedRows)} that have ended`);
    const showsEnded = byId<HTMLInputElement>("shows-ended");
    if (showsEnded.checked !== model.showsEnded) showsEnded.checked = model.showsEnded;
    const unlisted = byId("unlisted");
    unlisted.hidden = model.unlistedSplits === 0;
    setText(unlisted, `and ${model.unlistedSplits} splits that the job's status does not list`);
    this.#drawRows();
  }

  #drawLines(): void {
    const model = this.#model;
    // What is found depends on what actors do.
    const rows = this.#find === "" ? 0 : model.version("rows");
    const state = `${model.version("structure")}/${rows}/${this.#toggles}/${this.#find}`;
    if (state === this.#drawn) return;
    this.#drawn = state;
    this.#lines = this.#find === "" ? this.#openLines() : this.#foundLines();
    this.#space.style.height = `${this.#lines.length * ROW}px`;
    const { length } = this.#lines;
    const found = length === 1 ? "1 actor found" : `${count(length)} actors found`;
    setText(byId("found"), this.#find === "" ? "" : found);
  }

  get #toggles(): number {
    let sum = this.#toggled.size;
    for (const open of this.#toggled.values()) sum += open ? 1_000_000 : 0;
    return sum;
  }

  #isOpen(id: string): boolean {
    return this.#toggled.get(id) ?? this.#model.childCount(id) <= MANY;
  }

  #openLines(): readonly Line[] {
    const lines: Line[] = [];
    const root = this.#model.hello?.root;
    const add = (id: string, level: number, position: number, siblings: number): void => {
      lines.push({ id, level, position, siblings });
      if (!this.#isOpen(id)) return;
      const children = this.#model.children(id);
      for (const [at, child] of children.entries()) add(child, level + 1, at + 1, children.length);
    };
    if (root !== undefined && this.#model.rows.has(root)) add(root, 1, 1, 1);
    return lines;
  }

  #foundLines(): readonly Line[] {
    const found = [...this.#model.rows.values()].filter(
      (row) => (this.#model.showsEnded || row.ended !== true) && this.#matches(row),
    );
    return found.map(({ id }, at) => ({ id, level: 1, position: at + 1, siblings: found.length }));
  }

  #matches({ id, name, kind, states, mode }: ActorRow): boolean {
    const text = `${id} ${name} ${kind} ${states?.join(" ") ?? ""} ${mode ?? ""}`.toLowerCase();
    return this.#find.split(/\s+/).every((word) => text.includes(word));
  }

  #drawRows(): void {
    const { scrollTop, clientHeight } = this.#tree;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - MARGIN);
    const last = Math.min(this.#lines.length, Math.ceil((scrollTop + clientHeight) / ROW) + MARGIN);
    for (let at = first; at < last; at++) {
      const line = this.#lines[at];
      const row = line === undefined ? undefined : this.#model.rows.get(line.id);
      const node = this.#node(at - first);
      node.hidden = row === undefined;
      if (line !== undefined && row !== undefined) this.#fill(node, line, row, at);
    }
    for (let at = Math.max(0, last - first); at < this.#pool.length; at++) {
      const node = this.#pool[at];
      if (node !== undefined) node.hidden = true;
    }
    const active = this.#pool.find((node) => !node.hidden && node.dataset.id === this.#active);
    setAttribute(this.#tree, "aria-activedescendant", active?.id);
  }

  #node(at: number): HTMLElement {
    let node = this.#pool[at];
    if (node === undefined) {
      node = element(
        "div",
        { class: "row", role: "treeitem", id: `row-${at}` },
        element("span", { class: "caret", "aria-hidden": "true" }),
        element("span", { class: "kind", "aria-hidden": "true" }),
        element("span", { class: "name" }, element("span"), element("span")),
        element("span", { class: "state" }),
        element("span", { class: "figures" }),
      );
      this.#pool[at] = node;
      this.#space.append(node);
    }
    return node;
  }

  #fill(node: HTMLElement, line: Line, row: ActorRow, at: number): void {
    const below = this.#find === "" ? this.#model.childCount(row.id) : 0;
    const isOpen = below > 0 && this.#isOpen(row.id);
    node.style.transform = `translateY(${at * ROW}px)`;
    node.style.paddingInlineStart = `${4 + (line.level - 1) * 14}px`;
    node.dataset.id = row.id;
    setAttribute(node, "data-kind", row.kind);
    setAttribute(node, "data-ended", row.ended === true ? "" : undefined);
    setAttribute(node, "aria-level", String(line.level));
    setAttribute(node, "aria-posinset", String(line.position));
    setAttribute(node, "aria-setsize", String(line.siblings));
    setAttribute(node, "aria-expanded", below === 0 ? undefined : String(isOpen));
    setAttribute(node, "aria-selected", String(row.id === this.#active));
    setAttribute(node, "title", row.id);
    const [caret, kind, name, state, figures] = node.children as unknown as Element[];
    setText(caret as Element, below === 0 ? "" : isOpen ? "▾" : "▸");
    setText(kind as Element, KINDS[row.kind]);
    setName(name as Element, shortName(row.name));
    const text = row.mode ?? row.states?.join(", ") ?? "";
    setText(state as Element, row.ended === true && text === "" ? "ended" : text);
    setAttribute(state as Element, "data-mode", row.mode);
    setText(figures as Element, keyFigures(row, isOpen ? 0 : below));
  }

  #click(event: MouseEvent): void {
    const target = event.target as Element;
    const id = target.closest<HTMLElement>(".row")?.dataset.id;
    if (id === undefined) return;
    if (target.classList.contains("caret")) this.#toggle(id, !this.#isOpen(id));
    else this.#pick(id);
  }

  #pick(id: string): void {
    this.#active = id;
    this.#choose(id);
    this.#drawRows();
  }

  #toggle(id: string, open: boolean): void {
    this.#toggled.set(id, open);
    this.draw();
  }

  #key(event: KeyboardEvent): void {
    const at = this.#lines.findIndex(({ id }) => id === this.#active);
    const id = this.#lines[at]?.id;
    const page = Math.max(1, Math.floor(this.#tree.clientHeight / ROW) - 1);
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.#lines.length - 1,
    };
    const to = steps[event.key];
    if (to !== undefined) {
      const bounded = Math.max(0, Math.min(this.#lines.length - 1, to));
      const line = this.#lines[bounded];
      if (line !== undefined) this.#pick(line.id);
    } else if (id !== undefined && event.key === "ArrowRight") {
      const first = this.#model.children(id)[0];
      if (!this.#isOpen(id)) this.#toggle(id, true);
      else if (first !== undefined) this.#pick(first);
    } else if (id !== undefined && event.key === "ArrowLeft") {
      const parent = this.#model.rows.get(id)?.parent;
      if (this.#isOpen(id) && this.#model.childCount(id) > 0) this.#toggle(id, false);
      else if (parent !== undefined) this.#pick(parent);
    } else if (id !== undefined && (event.key === "Enter" || event.key === " ")) {
      this.#pick(id);
    } else {
      return;
    }
    event.preventDefault();
    this.#reveal();
  }

  #reveal(): void {
    const at = this.#lines.findIndex(({ id }) => id === this.#active);
    if (at < 0) return;
    const top = at * ROW;
    const { scrollTop, clientHeight } = this.#tree;
    if (top < scrollTop) this.#tree.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.#tree.scrollTop = top + ROW - clientHeight;
    this.#drawRows();
  }
}

/** A long name is cut in its middle, by the style sheet: both ends say something. */
function setName(node: Element, name: string): void {
  const [head, tail] = node.children as unknown as [Element, Element];
  const cut = name.length > 2 * TAIL ? name.length - TAIL : name.length;
  setText(head, name.slice(0, cut));
  setText(tail, name.slice(cut));
}

/** What there is room for beside a name; the state machine's view has all. */
function keyFigures({ kind, figures = {}, watermark }: ActorRow, hidden: number): string {
  const parts = hidden > 0 ? [`${count(hidden)} below`] : [];
  const { recordsPerSecond, splits, attempt } = figures;
  if (typeof recordsPerSecond === "number") parts.push(`${shortCount(recordsPerSecond)}/s`);
  if (typeof attempt === "number" && attempt > 0) parts.push(`attempt ${attempt + 1}`);
  if (kind === "subtask" && typeof splits === "number") {
    parts.push(splits === 1 ? "1 split" : `${count(splits)} splits`);
  }
  if (kind === "split" && watermark !== undefined) parts.push(shortEventTime(watermark));
  return parts.join(" · ");
}
