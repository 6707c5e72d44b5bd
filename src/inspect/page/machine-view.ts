import { createMachine } from "xstate";
import type { ActorRow, MachineDefinition, Transition } from "../protocol.js";
import type { ElkLayout, PlacedChart } from "../statechart/index.js";
import { chartOf, layoutChart, toSvg } from "../statechart/index.js";
import { byId, element, setText } from "./element.js";
import { eventTime, figure, timeOfDay } from "./format.js";
import type { JobModel } from "./job-model.js";

/** What `elk.bundled.js` leaves in the global scope. */
declare const ELK: new () => ElkLayout;

const STEPS = 30;
const ZOOM = { least: 0.2, most: 3, step: 1.25 };

/**
 * Owns: the statechart of the chosen actor, its context and its last transitions.
 * Called by: the page's frame. Invariants: a machine is laid out once; what is active changes classes.
 */
export class MachineView {
  readonly #model: JobModel;
  readonly #title = element("h2");
  readonly #about = element("p", { class: "note", role: "status" });
  readonly #facts = element("dl", { class: "facts" });
  readonly #chart = element("div", {
    class: "chart-frame",
    tabindex: 0,
    role: "region",
    "aria-label": "Statechart",
  });
  readonly #steps = element("ol", { class: "steps", "aria-label": "Last transitions" });
  readonly #context = element("pre", {
    class: "context",
    tabindex: 0,
    role: "region",
    "aria-label": "Context",
  });
  readonly #layouts = new Map<string, Promise<PlacedChart | undefined>>();
  readonly #taken: Transition[] = [];
  #elk: ElkLayout | undefined;
  #actor: string | undefined;
  #drawn: string | undefined;
  #placed: PlacedChart | undefined;
  #zoom = 1;
  #snapshots = -1;
  #rows = -1;

  constructor(model: JobModel) {
    this.#model = model;
    const zoomed = (label: string, name: string, by: number | undefined) => {
      const button = element("button", { type: "button", "aria-label": name }, label);
      button.addEventListener("click", () => this.#setZoom(by));
      return button;
    };
    const controls = element(
      "span",
      { class: "controls" },
      zoomed("−", "Smaller", 1 / ZOOM.step),
      zoomed("Fit", "As large as there is room", undefined),
      zoomed("+", "Larger", ZOOM.step),
    );
    this.#chart.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        this.#setZoom(event.deltaY < 0 ? ZOOM.step : 1 / ZOOM.step);
      },
      { passive: false },
    );
    byId("machine").append(
      element("div", { class: "panel-head" }, this.#title, this.#about, controls),
      element(
        "div",
        { class: "machine-panes" },
        this.#chart,
        element(
          "div",
          { class: "machine-side" },
          this.#facts,
          element("h3", {}, "Last transitions"),
          this.#steps,
          element("h3", {}, "Context"),
          this.#context,
        ),
      ),
    );
  }

  choose(actor: string | undefined): void {
    if (actor === this.#actor) return;
    this.#actor = actor;
    this.#taken.length = 0;
    this.#steps.replaceChildren();
    this.#rows = -1;
    this.#snapshots = -1;
  }

  /** Notes the transitions of the chosen actor, each as it comes. */
  took(transitions: readonly Transition[]): void {
    for (const transition of transitions) {
      if (transition.actor !== this.#actor) continue;
      this.#taken.unshift(transition);
    }
    if (this.#taken.length > STEPS) this.#taken.length = STEPS;
    this.#steps.replaceChildren(...this.#taken.map(stepOf));
  }

  draw(): void {
    const row = this.#actor === undefined ? undefined : this.#model.rows.get(this.#actor);
    const rows = this.#model.version("rows");
    if (rows !== this.#rows) {
      this.#rows = rows;
      this.#drawFacts(row);
    }
    const machine = row?.machine === undefined ? undefined : this.#model.machines.get(row.machine);
    if (machine?.machine !== this.#drawn) {
      this.#drawn = machine?.machine;
      this.#placed = undefined;
      this.#chart.replaceChildren();
      if (machine !== undefined) void this.#layOut(machine);
    }
    this.#mark(row);
    const snapshots = this.#model.version("snapshots");
    if (snapshots !== this.#snapshots) {
      this.#snapshots = snapshots;
      const snapshot =
        this.#actor === undefined ? undefined : this.#model.snapshots.get(this.#actor);
      const text = snapshot === undefined ? "" : JSON.stringify(snapshot.context, undefined, 2);
      setText(this.#context, text);
    }
  }

  #drawFacts(row: ActorRow | undefined): void {
    setText(this.#title, row === undefined ? "No actor chosen" : row.name);
    const states = row?.states?.join(", ");
    const about =
      row === undefined
        ? "Choose an actor in the tree."
        : row.machine === undefined
          ? `${row.kind}; it has no machine of its own`
          : `${row.machine} · ${states ?? ""}`;
    setText(this.#about, about);
    const facts: (readonly [string, string])[] = [];
    if (row !== undefined) {
      facts.push(["address", row.id]);
      if (row.mode !== undefined) facts.push(["mode", row.mode]);
      if (row.watermark !== undefined) facts.push(["watermark", eventTime(row.watermark)]);
      for (const [name, value] of Object.entries(row.figures ?? {})) {
        facts.push([name, figure(value)]);
      }
    }
    this.#facts.replaceChildren(
      ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
    );
  }

  async #layOut(machine: MachineDefinition): Promise<void> {
    let layout = this.#layouts.get(machine.machine);
    if (layout === undefined) {
      this.#elk ??= new ELK();
      layout = layoutOf(machine, this.#elk);
      this.#layouts.set(machine.machine, layout);
    }
    const placed = await layout;
    if (this.#drawn !== machine.machine) return;
    this.#placed = placed;
    if (placed === undefined) {
      this.#chart.replaceChildren(element("p", { class: "note" }, "This machine cannot be drawn."));
      return;
    }
    // A document of its own kind: whatever a name holds, it stays text.
    const parsed = new DOMParser().parseFromString(
      toSvg(placed, { style: false }),
      "image/svg+xml",
    );
    this.#chart.replaceChildren(document.importNode(parsed.documentElement, true));
    this.#setZoom(undefined);
    this.#mark(this.#actor === undefined ? undefined : this.#model.rows.get(this.#actor));
  }

  /** Shows what is active, and the arrow that was taken last. */
  #mark(row: ActorRow | undefined): void {
    const drawing = this.#chart.querySelector("svg");
    if (drawing === null || row === undefined) return;
    const active = new Set<string>();
    const snapshot = this.#model.snapshots.get(row.id);
    for (const path of snapshot?.states ?? row.states ?? []) {
      const parts = path.split(".");
      parts.forEach((_, at) => void active.add(parts.slice(0, at + 1).join(".")));
    }
    for (const state of drawing.querySelectorAll("[data-state]")) {
      state.classList.toggle("active", active.has(state.getAttribute("data-state") ?? ""));
    }
    const title = drawing.querySelector("title");
    if (title !== null) setText(title, `${row.name} is in ${[...active].join(", ")}`);
    // Events that were handled without leaving a state take no arrow.
    const last = this.#taken.find(({ from, to }) => !sameStates(from, to));
    for (const way of drawing.querySelectorAll("[data-source]")) {
      const source = way.getAttribute("data-source") ?? "";
      const target = way.getAttribute("data-target") ?? "";
      way.classList.toggle("hot", last !== undefined && isWayOf(last, source, target));
    }
  }

  #setZoom(by: number | undefined): void {
    const drawing = this.#chart.querySelector("svg");
    if (drawing === null || this.#placed === undefined) return;
    const { width, height } = this.#placed;
    const room = Math.min(
      (this.#chart.clientWidth - 8) / width,
      (this.#chart.clientHeight - 8) / height,
      1,
    );
    const zoom = by === undefined ? Math.max(room, 0.45) : this.#zoom * by;
    this.#zoom = Math.max(ZOOM.least, Math.min(ZOOM.most, zoom));
    drawing.setAttribute("width", String(width * this.#zoom));
    drawing.setAttribute("height", String(height * this.#zoom));
  }
}

/** The machine is made again from its definition, as any XState tool would make it. */
async function layoutOf(
  { config, machine }: MachineDefinition,
  elk: ElkLayout,
): Promise<PlacedChart | undefined> {
  try {
    return await layoutChart(chartOf(createMachine(config as never)), elk);
  } catch (error) {
    console.error(`${machine} cannot be drawn`, error);
    return undefined;
  }
}

function stepOf({ time, event, from, to }: Transition): HTMLElement {
  const where = sameStates(from, to)
    ? `in ${to.join(", ")}`
    : `${from.join(", ")} → ${to.join(", ")}`;
  return element(
    "li",
    {},
    element("time", {}, timeOfDay(time)),
    element("b", {}, event),
    element("span", {}, where),
  );
}

/** Whether the arrow from one state to another is the one that the transition has taken. */
function isWayOf({ from, to }: Transition, source: string, target: string): boolean {
  return (
    to.some((state) => within(state, target)) &&
    !from.some((state) => within(state, target)) &&
    from.some((state) => source === "" || within(state, source))
  );
}

function within(state: string, path: string): boolean {
  return state === path || state.startsWith(`${path}.`);
}

function sameStates(a: readonly string[], b: readonly string[]): boolean {
  return a.join() === b.join();
}
