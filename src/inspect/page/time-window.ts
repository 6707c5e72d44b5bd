import { element } from "./element.js";

const SPANS = [
  ["30 s", 30_000],
  ["2 min", 120_000],
  ["10 min", 600_000],
] as const;

/** Owns: the stretch of time that charts and time lines show, and whether it moves on. */
export class TimeWindow {
  readonly controls: HTMLElement;
  #span: number = SPANS[0][1];
  #heldAt: number | undefined;

  constructor(now: () => number) {
    const select = element(
      "select",
      { "aria-label": "Time shown" },
      ...SPANS.map(([label, span]) => element("option", { value: span }, label)),
    );
    select.addEventListener("change", () => {
      this.#span = Number(select.value);
    });
    const hold = element("button", { type: "button", "aria-pressed": "false" }, "Hold");
    hold.addEventListener("click", () => {
      this.#heldAt = this.#heldAt === undefined ? now() : undefined;
      hold.setAttribute("aria-pressed", String(this.#heldAt !== undefined));
      hold.textContent = this.#heldAt === undefined ? "Hold" : "Go on";
    });
    this.controls = element("span", { class: "controls" }, select, hold);
  }

  /** From and to, in milliseconds of the job's clock. */
  at(now: number): { readonly from: number; readonly to: number } {
    const to = this.#heldAt ?? now;
    return { from: to - this.#span, to };
  }
}
