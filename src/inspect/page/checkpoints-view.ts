import { byId, element } from "./element.js";
import { bytes, duration, timeOfDay } from "./format.js";
import type { JobModel } from "./job-model.js";

const HEADS = ["checkpoint", "kind", "triggered", "duration", "size", "where"];

/** Owns: the table of the last checkpoints. */
export class CheckpointsView {
  readonly #model: JobModel;
  readonly #about = element("p", { class: "note" });
  readonly #body = element("tbody");
  #drawn = -1;

  constructor(model: JobModel) {
    this.#model = model;
    const head = element("tr", {}, ...HEADS.map((name) => element("th", { scope: "col" }, name)));
    byId("checkpoints").append(
      element("h2", {}, "Checkpoints"),
      this.#about,
      element("table", {}, element("thead", {}, head), this.#body),
    );
  }

  draw(): void {
    const version = this.#model.version("checkpoints");
    if (version === this.#drawn) return;
    this.#drawn = version;
    const {
      completed = 0,
      failed = 0,
      inProgress = 0,
      recent = [],
    } = this.#model.checkpoints ?? {};
    this.#about.textContent = `${completed} completed, ${failed} failed, ${inProgress} under way`;
    this.#body.replaceChildren(
      ...recent.map((one) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, `#${one.checkpointId}`),
          element("td", {}, one.kind.toLowerCase()),
          element("td", {}, timeOfDay(one.triggeredAt)),
          element("td", {}, one.duration < 0 ? "–" : duration(one.duration)),
          element("td", {}, bytes(one.bytes)),
          element("td", { class: "path" }, one.location),
        ),
      ),
    );
  }
}
