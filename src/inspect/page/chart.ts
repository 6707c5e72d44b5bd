import { element, setText } from "./element.js";
import { currentPalette } from "./palette.js";

export interface Point {
  readonly time: number;
  readonly value: number;
}

export interface ChartOptions {
  readonly title: string;
  readonly unit: (value: number) => string;
  /** What the chart shows at least, so that small values do not look big. */
  readonly least: number;
}

const HEIGHT = 64;

/** One figure over time: its newest value as text, its past as a line. */
export class Chart {
  readonly node: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #value = element("output", { class: "chart-value" });
  readonly #options: ChartOptions;

  constructor(options: ChartOptions) {
    this.#options = options;
    this.#canvas = element("canvas", { "aria-hidden": "true" });
    this.node = element(
      "figure",
      { class: "chart" },
      element("figcaption", {}, options.title, this.#value),
      this.#canvas,
    );
  }

  draw(points: readonly Point[], from: number, to: number): void {
    const last = points.at(-1);
    setText(this.#value, last === undefined ? "–" : this.#options.unit(last.value));
    const context = sized(this.#canvas, this.node.clientWidth - 2, HEIGHT);
    if (context === undefined) return;
    const width = this.node.clientWidth - 2;
    const { accent, line } = currentPalette();
    context.clearRect(0, 0, width, HEIGHT);
    const seen = points.filter(({ time }) => time >= from - 2000 && time <= to);
    const top = seen.reduce((most, { value }) => Math.max(most, value), this.#options.least);
    const x = (time: number) => ((time - from) / (to - from)) * width;
    const y = (value: number) => HEIGHT - 2 - (Math.max(0, value) / top) * (HEIGHT - 6);
    context.strokeStyle = line;
    context.beginPath();
    context.moveTo(0, HEIGHT - 1.5);
    context.lineTo(width, HEIGHT - 1.5);
    context.stroke();
    const first = seen[0];
    if (first === undefined) return;
    context.beginPath();
    for (const { time, value } of seen) context.lineTo(x(time), y(value));
    context.strokeStyle = accent;
    context.lineWidth = 1.5;
    context.stroke();
    context.lineTo(x((seen.at(-1) as Point).time), HEIGHT);
    context.lineTo(x(first.time), HEIGHT);
    context.globalAlpha = 0.12;
    context.fillStyle = accent;
    context.fill();
    context.globalAlpha = 1;
  }
}

/** The canvas's context at the screen's resolution; undefined while it has no size. */
export function sized(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | undefined {
  if (width <= 0 || height <= 0) return undefined;
  const ratio = window.devicePixelRatio;
  const pixels = [Math.round(width * ratio), Math.round(height * ratio)] as const;
  if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) {
    [canvas.width, canvas.height] = pixels;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  if (context === null) return undefined;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.lineWidth = 1;
  return context;
}
