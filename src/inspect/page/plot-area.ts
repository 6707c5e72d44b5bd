import { duration } from "./format.js";
import type { Palette } from "./palette.js";

/** Room beside what is drawn over time, the same in all drawings: one moment is at one place. */
export function edges(width: number): { readonly left: number; readonly right: number } {
  return isNarrow(width) ? { left: 92, right: 6 } : { left: 132, right: 150 };
}

/** Whether there is room for drawings only, as on a phone. */
export function isNarrow(width: number): boolean {
  return width < 600;
}

const PARTS = 6;

/** Where a moment is; moments outside are at the edges. */
export function xOf(width: number, from: number, to: number): (time: number) => number {
  const { left, right } = edges(width);
  const room = width - right - left;
  return (time) => left + Math.max(0, Math.min(1, (time - from) / (to - from))) * room;
}

/** Lines down the drawing, and below them how long ago that was if there is `room` for it. */
export function drawTimes(
  context: CanvasRenderingContext2D,
  { line, muted }: Palette,
  size: { readonly width: number; readonly height: number; readonly room: number },
  span: number,
): void {
  const { width, height, room } = size;
  const x = xOf(width, 0, PARTS);
  context.save();
  context.strokeStyle = line;
  context.fillStyle = muted;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let part = 0; part <= PARTS; part += isNarrow(width) ? 2 : 1) {
    context.beginPath();
    context.moveTo(x(part), 0);
    context.lineTo(x(part), height - room);
    context.stroke();
    const ago = (span * (PARTS - part)) / PARTS;
    const text = ago === 0 ? "now" : `−${duration(ago).replace(".0 ", " ")}`;
    if (room > 0) context.fillText(text, x(part), height - room / 2);
  }
  context.restore();
}
