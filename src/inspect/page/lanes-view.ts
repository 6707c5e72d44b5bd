import type { ActorRow, Mode } from "../protocol.js";
import { sized } from "./chart.js";
import { element, setText } from "./element.js";
import { count, eventTime, shortName, timeOfDay } from "./format.js";
import type { JobModel } from "./job-model.js";
import { currentPalette, MODE_MEANINGS, MODES, modeFill, type Palette } from "./palette.js";
import { drawTimes, edges, isNarrow, xOf } from "./plot-area.js";

const LANE = 18;
/** The longest end of a name that may be drawn. */
const LONGEST_NAME = 40;
/** Milliseconds between two looks at which lanes have ended too long ago. */
const REFRESH = 5000;
/** Rows of the table that says the same in words. */
const TABLE_ROWS = 200;

/**
 * Owns: a lane for each subtask and split, coloured by what it did, with its watermark at the end.
 * Invariants: draws only the lanes in sight; the same is there as a table, for those who do not see it.
 */
export class LanesView {
  readonly nodes: readonly HTMLElement[];
  readonly #model: JobModel;
  readonly #scroll = element("div", {
    class: "lanes",
    tabindex: 0,
    role: "region",
    "aria-label": "Lanes",
  });
  readonly #space = element("div");
  readonly #canvas = element("canvas", { role: "img", "aria-label": "what each split did" });
  readonly #table = element("table");
  readonly #tableFrame = element(
    "div",
    { class: "lane-table", tabindex: 0, role: "region", "aria-label": "Lanes", hidden: true },
    this.#table,
  );
  readonly #count = element("span", { class: "note" });
  readonly #only = element("input", { type: "search", placeholder: "Only…" });
  #rows: readonly ActorRow[] = [];
  #drawn = "";
  #fills = new Map<Mode, string | CanvasPattern>();
  #palette: Palette | undefined;

  constructor(model: JobModel, choose: (id: string) => void) {
    this.#model = model;
    this.#only.setAttribute("aria-label", "Only lanes whose name or mode has this text");
    const asTable = element("button", { type: "button", "aria-pressed": "false" }, "As a table");
    asTable.addEventListener("click", () => {
      const shown = this.#tableFrame.hidden;
      this.#tableFrame.hidden = !shown;
      this.#scroll.hidden = shown;
      asTable.setAttribute("aria-pressed", String(shown));
    });
    this.#scroll.append(element("div", { class: "pin" }, this.#canvas), this.#space);
    this.#scroll.addEventListener("click", (event) => {
      const { top } = this.#scroll.getBoundingClientRect();
      const at = Math.floor((event.clientY - top + this.#scroll.scrollTop) / LANE);
      const row = this.#rows[at];
      if (row !== undefined) choose(row.id);
    });
    const head = element(
      "div",
      { class: "panel-head" },
      element("h2", {}, "Splits and subtasks"),
      this.#count,
      element("span", { class: "controls" }, this.#only, asTable),
    );
    this.nodes = [head, legend(), this.#scroll, this.#tableFrame];
  }

  draw(from: number, to: number): void {
    const only = this.#only.value.trim().toLowerCase();
    const rows = only === "" ? 0 : this.#model.version("rows");
    const state = `${this.#model.version("structure")}/${rows}/${Math.floor(from / REFRESH)}/${only}`;
    if (state !== this.#drawn) {
      this.#drawn = state;
      this.#rows = this.#laneRows(only, from);
      const { length } = this.#rows;
      this.#space.style.height = `${length * LANE}px`;
      this.#scroll.style.flexBasis = `${length * LANE + 2}px`;
      setText(this.#count, length === 1 ? "1 lane" : `${count(length)} lanes`);
    }
    if (this.#tableFrame.hidden) this.#drawLanes(from, to);
    else this.#drawTable();
  }

  /** In the order of the tree; what has ended is there as long as it can be seen. */
  #laneRows(only: string, from: number): readonly ActorRow[] {
    const rows: ActorRow[] = [];
    const add = (id: string): void => {
      const row = this.#model.rows.get(id);
      if (row === undefined) return;
      const isLane = row.kind === "split" || row.kind === "subtask";
      const text = `${row.name} ${row.mode ?? ""}`.toLowerCase();
      const last = this.#model.timeLines.lane(id)?.modes.at(-1)?.time ?? 0;
      const isSeen = row.ended !== true || last >= from;
      if (isLane && isSeen && text.includes(only)) rows.push(row);
      for (const child of this.#model.allChildren(id)) add(child);
    };
    if (this.#model.hello !== undefined) add(this.#model.hello.root);
    return rows;
  }

  #drawLanes(from: number, to: number): void {
    const { clientWidth: width, clientHeight: height, scrollTop } = this.#scroll;
    const context = sized(this.#canvas, width, height);
    if (context === undefined) return;
    const palette = currentPalette();
    if (palette !== this.#palette) {
      this.#palette = palette;
      this.#fills = new Map(MODES.map((mode) => [mode, modeFill(context, mode, palette)]));
    }
    context.clearRect(0, 0, width, height);
    drawTimes(context, palette, { width, height, room: 0 }, to - from);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    const first = Math.floor(scrollTop / LANE);
    const last = Math.min(this.#rows.length, Math.ceil((scrollTop + height) / LANE));
    for (let at = first; at < last; at++) {
      const row = this.#rows[at];
      if (row !== undefined) this.#drawLane(context, row, at * LANE - scrollTop, width, from, to);
    }
  }

  #drawLane(
    context: CanvasRenderingContext2D,
    { id, kind, name }: ActorRow,
    top: number,
    width: number,
    from: number,
    to: number,
  ): void {
    const { text, muted } = this.#palette as Palette;
    const row = this.#model.rows.get(id);
    const isSubtask = kind === "subtask";
    context.fillStyle = text;
    context.font = `${isSubtask ? "600 " : ""}11px system-ui, sans-serif`;
    const inset = isSubtask ? 4 : 14;
    const { left, right } = edges(width);
    context.fillText(cut(context, shortName(name), left - inset - 6), inset, top + LANE / 2);
    context.fillStyle = muted;
    const watermark = isNarrow(width) ? "" : eventTime(row?.watermark);
    context.fillText(watermark, width - right + 8, top + LANE / 2);
    const lane = this.#model.timeLines.lane(id);
    if (lane === undefined) return;
    const x = xOf(width, from, to);
    const now = Math.min(to, this.#model.now);
    lane.modes.forEach(({ time, mode }, at) => {
      const until = lane.modes[at + 1]?.time ?? now;
      if (until <= from || time >= to || mode === "stopped") return;
      context.fillStyle = this.#fills.get(mode) ?? muted;
      const thin = mode === "idle" ? 5 : 0;
      const start = x(time);
      const length = Math.max(1, x(until) - start);
      context.fillRect(start, top + 3 + thin, length, LANE - 6 - 2 * thin);
    });
  }

  #drawTable(): void {
    const rows = this.#rows.slice(0, TABLE_ROWS).map(({ id }) => {
      const row = this.#model.rows.get(id);
      const since = this.#model.timeLines.lane(id)?.modes.at(-1)?.time;
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, row?.name ?? id),
        element("td", {}, row?.mode ?? ""),
        element("td", {}, since === undefined ? "" : timeOfDay(since)),
        element("td", {}, eventTime(row?.watermark)),
      );
    });
    const heads = ["split or subtask", "mode", "since", "watermark"];
    const head = element("tr", {}, ...heads.map((name) => element("th", { scope: "col" }, name)));
    this.#table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
  }
}

function legend(): HTMLElement {
  return element(
    "ul",
    { class: "legend", "aria-label": "What the lanes' colours mean" },
    ...MODES.filter((mode) => mode !== "stopped").map((mode) =>
      element(
        "li",
        { title: MODE_MEANINGS[mode] },
        element("span", { class: "swatch", "data-mode": mode, "aria-hidden": "true" }),
        mode,
      ),
    ),
  );
}

/** The end says more of a split's name than its beginning. */
function cut(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let rest = text.slice(-LONGEST_NAME);
  while (rest.length > 1 && context.measureText(`…${rest}`).width > width) rest = rest.slice(1);
  return `…${rest}`;
}
