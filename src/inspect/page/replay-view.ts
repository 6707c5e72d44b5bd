import type { PageMessage, ReplayDifference, ReplayPosition } from "../protocol.js";
import { element, setAttribute, setText } from "./element.js";
import { count, timeOfDay } from "./format.js";

/**
 * The controls of a replay: step, go back, go to a place, an event or a difference.
 *
 * Owns: its elements, put into `before` the tabs when the server first says that it replays.
 * Called by: the page with each `replay` message. Invariants: shows what the server said last.
 */
export class ReplayView {
  readonly #send: (message: PageMessage) => void;
  readonly #slider = element("input", {
    type: "range",
    min: 0,
    "aria-label": "Place in the record",
  });
  readonly #find = element("input", { type: "search", title: "Event type or address to go to" });
  readonly #where = element("span", { role: "status" });
  readonly #last = element("p", { class: "replay-line" });
  readonly #note = element("p", { class: "note", role: "status" });
  readonly #differences = element("ol", { class: "steps", "aria-label": "Differences" });
  readonly #problems = element("ul", { class: "note" });
  readonly #root: HTMLElement;
  #drawn: readonly ReplayDifference[] = [];
  #problemsDrawn = "";

  constructor(send: (message: PageMessage) => void) {
    this.#send = send;
    this.#find.setAttribute("aria-label", "Event type or address to go to");
    this.#slider.addEventListener("change", () => {
      this.#send({ type: "replay.goto", to: Number(this.#slider.value) });
    });
    this.#find.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#goTo(this.#find.value.trim(), event.shiftKey);
    });
    const controls = element(
      "span",
      { class: "controls" },
      button("|◀", "To the beginning", () => this.#send({ type: "replay.goto", to: 0 })),
      button("◀", "One line back", () => this.#send({ type: "replay.back" })),
      button("▶", "One line on", () => this.#send({ type: "replay.step" })),
      button("▶|", "To the end", () => {
        this.#send({ type: "replay.goto", to: Number(this.#slider.max) });
      }),
      this.#find,
      button("Before", "To the one before", () => this.#goTo(this.#find.value.trim(), true)),
      button("Next", "To the next one", () => this.#goTo(this.#find.value.trim(), false)),
      button("Next difference", "To the next difference from the record", () => {
        this.#goTo("difference", false);
      }),
    );
    this.#root = element(
      "div",
      { class: "replay", role: "group", "aria-label": "Replay" },
      element("div", { class: "panel-head" }, this.#slider, this.#where, controls),
      this.#last,
      this.#note,
      this.#differences,
      this.#problems,
    );
  }

  /** Shows where the replay stands. */
  apply(position: ReplayPosition): void {
    if (!this.#root.isConnected) document.querySelector(".tabs")?.before(this.#root);
    const { place, size, time, last, note, differenceCount } = position;
    setAttribute(this.#slider, "max", String(size));
    this.#slider.value = String(place);
    const differences = differenceCount === 1 ? "1 difference" : `${differenceCount} differences`;
    setText(
      this.#where,
      `${count(place)} of ${count(size)} · ${timeOfDay(time)} · ${differences} so far`,
    );
    setText(this.#last, last === undefined ? "The beginning" : `${last.line}: ${last.text}`);
    setText(this.#note, note ?? "");
    this.#drawDifferences(position);
    const problems = position.problems.join("\n");
    if (problems === this.#problemsDrawn) return;
    this.#problemsDrawn = problems;
    this.#problems.replaceChildren(...position.problems.map((text) => element("li", {}, text)));
  }

  #goTo(to: string, back: boolean): void {
    if (to === "") this.#find.focus();
    else this.#send({ type: "replay.goto", to, ...(back && { back }) });
  }

  #drawDifferences({ differences, place }: ReplayPosition): void {
    if (differences.length !== this.#drawn.length) {
      this.#drawn = differences;
      this.#differences.replaceChildren(...differences.map((one) => this.#item(one)));
    }
    differences.forEach((one, at) => {
      const item = this.#differences.children[at];
      if (item !== undefined) {
        setAttribute(item, "aria-current", one.place === place ? "true" : undefined);
      }
    });
  }

  #item({ place, line, actor, event, recorded, replayed, isCut }: ReplayDifference): HTMLElement {
    const why = isCut ? " (the event is not whole in the record)" : "";
    return element(
      "li",
      {},
      button(String(line), `Go to line ${line}`, () => {
        this.#send({ type: "replay.goto", to: place });
      }),
      element("b", {}, event),
      element("span", {}, `${actor}: recorded ${recorded}; replayed ${replayed}${why}`),
    );
  }
}

function button(label: string, name: string, pressed: () => void): HTMLElement {
  const one = element("button", { type: "button", "aria-label": name, title: name }, label);
  one.addEventListener("click", pressed);
  return one;
}
