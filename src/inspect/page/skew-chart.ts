import type { Watermark } from "../protocol.js";
import { sized } from "./chart.js";
import { element, setAttribute } from "./element.js";
import { eventTime, shortEventTime } from "./format.js";
import type { JobModel } from "./job-model.js";
import { currentPalette } from "./palette.js";
import { drawTimes, edges, isNarrow, xOf } from "./plot-area.js";

/** Below the lines, for the times. */
const FOOT = 18;
const TOP = 12;
/** More lines than this are a carpet; the others are in the time lines. */
const LINES = 300;

interface Line {
  readonly isSubtask: boolean;
  readonly isPaused: boolean;
  readonly points: readonly (readonly [time: number, watermark: number])[];
}

/** Event time of each split (thin) and subtask (thick) over the job's clock: aligned lines lie together. */
export class SkewChart {
  readonly node: HTMLElement;
  readonly #canvas = element("canvas", { role: "img" });
  readonly #model: JobModel;

  constructor(model: JobModel) {
    this.#model = model;
    this.node = element("div", { class: "skew" }, this.#canvas);
  }

  draw(from: number, to: number): void {
    const { clientWidth: width, clientHeight: height } = this.node;
    const context = sized(this.#canvas, width, height);
    if (context === undefined) return;
    const palette = currentPalette();
    const { muted, line: grid, accent, modes } = palette;
    const { left, right } = edges(width);
    const label = isNarrow(width) ? shortEventTime : eventTime;
    context.clearRect(0, 0, width, height);
    const lines = this.#lines(from, to);
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const { points } of lines) {
      for (const [, watermark] of points) {
        low = Math.min(low, watermark);
        high = Math.max(high, watermark);
      }
    }
    const about =
      low > high
        ? "no watermarks yet"
        : `watermarks from ${eventTime(low)} to ${eventTime(high)}, ${lines.length} lines`;
    setAttribute(this.#canvas, "aria-label", about);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    drawTimes(context, palette, { width, height, room: FOOT }, to - from);
    if (low > high) {
      context.fillStyle = muted;
      context.fillText("no watermarks yet", left + 8, height / 2);
      return;
    }
    if (low === high) high = low + 1;
    const x = xOf(width, from, to);
    const y = (watermark: number) =>
      height - FOOT - 8 - ((watermark - low) / (high - low)) * (height - FOOT - 8 - TOP);
    context.strokeStyle = grid;
    context.fillStyle = muted;
    for (const part of [0, 0.5, 1]) {
      const at = low + part * (high - low);
      context.fillText(label(Math.round(at)), 4, y(at));
      context.beginPath();
      context.moveTo(left, y(at));
      context.lineTo(width - right, y(at));
      context.stroke();
    }
    context.save();
    context.beginPath();
    context.rect(left, 0, width - left - right + 2, height);
    context.clip();
    for (const { isSubtask, isPaused, points } of lines) {
      context.strokeStyle = isSubtask ? accent : isPaused ? modes.paused : modes.reading;
      context.lineWidth = isSubtask ? 2 : 1;
      context.globalAlpha = isSubtask ? 1 : 0.55;
      context.setLineDash(isPaused ? [4, 3] : []);
      context.beginPath();
      for (const [time, watermark] of points) context.lineTo(x(time), y(watermark));
      context.stroke();
    }
    context.restore();
    if (!isNarrow(width)) this.#drawKey(context, width);
  }

  /** What the lines are, in the room beside them. */
  #drawKey(context: CanvasRenderingContext2D, width: number): void {
    const { muted, accent, modes } = currentPalette();
    const keys = [
      ["subtask", accent, 2, []],
      ["split", modes.reading, 1, []],
      ["split, paused", modes.paused, 1, [4, 3]],
    ] as const;
    keys.forEach(([name, colour, thickness, dash], at) => {
      const y = TOP + 6 + at * 18;
      const x = width - edges(width).right + 8;
      context.strokeStyle = colour;
      context.lineWidth = thickness;
      context.setLineDash([...dash]);
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + 22, y);
      context.stroke();
      context.fillStyle = muted;
      context.fillText(name, x + 30, y);
    });
    context.setLineDash([]);
  }

  #lines(from: number, to: number): readonly Line[] {
    const lines: Line[] = [];
    for (const { id, kind, mode, ended } of this.#model.rows.values()) {
      if ((kind !== "split" && kind !== "subtask") || ended === true) continue;
      const lane = this.#model.timeLines.lane(id);
      if (lane === undefined) continue;
      const points: [number, number][] = [];
      let before: number | undefined;
      for (const { time, watermark } of lane.watermarks) {
        const value = finite(watermark);
        if (value === undefined || time > to) continue;
        if (time < from) {
          before = value;
          continue;
        }
        if (points.length === 0 && before !== undefined) points.push([from, before]);
        // A watermark stays where it is until the next one.
        const last = points.at(-1);
        if (last !== undefined && time - last[0] > 3000) points.push([time, last[1]]);
        points.push([time, value]);
      }
      const end = points.at(-1)?.[1] ?? before;
      if (end === undefined) continue;
      if (points.length === 0) points.push([from, end]);
      points.push([Math.min(to, this.#model.now), end]);
      lines.push({ isSubtask: kind === "subtask", isPaused: mode === "paused", points });
      if (lines.length === LINES) break;
    }
    // Thick lines on top.
    return lines.sort((a, b) => Number(a.isSubtask) - Number(b.isSubtask));
  }
}

function finite(watermark: Watermark): number | undefined {
  return typeof watermark === "number" ? watermark : undefined;
}
