import type { Mode } from "../protocol.js";

/** The colours that canvases draw with; they follow light and dark. */
export interface Palette {
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly surface: string;
  readonly accent: string;
  readonly modes: Readonly<Record<Mode, string>>;
}

export const MODES: readonly Mode[] = [
  "reading",
  "waiting",
  "paused",
  "idle",
  "back-pressured",
  "stopped",
];

/** What each mode means, for the legend. */
export const MODE_MEANINGS: Readonly<Record<Mode, string>> = {
  reading: "reading: records come",
  waiting: "waiting: its operator waits for others to catch up in event time",
  paused: "paused: the split is ahead of the alignment limit",
  idle: "idle: nothing to read",
  "back-pressured": "back-pressured: what comes after is slower",
  stopped: "stopped",
};

let palette: Palette | undefined;

/** Reads the colours again at the next look: the theme has changed. */
export function forgetPalette(): void {
  palette = undefined;
}

export function currentPalette(): Palette {
  palette ??= readPalette();
  return palette;
}

function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const modes = Object.fromEntries(MODES.map((mode) => [mode, of(`mode-${mode}`)]));
  return {
    text: of("text"),
    muted: of("muted"),
    line: of("line"),
    surface: of("surface"),
    accent: of("accent"),
    modes: modes as Record<Mode, string>,
  };
}

/** A fill that tells modes apart without colour: solid, hatched one way or the other, dotted, thin. */
export function modeFill(
  context: CanvasRenderingContext2D,
  mode: Mode,
  { modes, surface }: Palette,
): string | CanvasPattern {
  if (mode === "reading" || mode === "idle" || mode === "stopped") return modes[mode];
  const tile = document.createElement("canvas");
  tile.width = 6;
  tile.height = 6;
  const paint = tile.getContext("2d") as CanvasRenderingContext2D;
  paint.fillStyle = modes[mode];
  paint.fillRect(0, 0, 6, 6);
  paint.strokeStyle = surface;
  paint.fillStyle = surface;
  paint.lineWidth = 1.4;
  paint.beginPath();
  if (mode === "paused") {
    for (const x of [-6, 0, 6]) {
      paint.moveTo(x, 6);
      paint.lineTo(x + 6, 0);
    }
  } else if (mode === "waiting") {
    for (const x of [-6, 0, 6]) {
      paint.moveTo(x, 0);
      paint.lineTo(x + 6, 6);
    }
  } else {
    paint.rect(2, 2, 2, 2);
  }
  paint.stroke();
  return context.createPattern(tile, "repeat") ?? modes[mode];
}
