import colors from "picocolors";
import type { ScreenSize, TopLine } from "./top-screen.js";

/** What somebody pressed. */
export type Key = "quit" | "up" | "down";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

const KEYS: Readonly<Record<string, Key>> = {
  q: "quit",
  Q: "quit",
  "\x03": "quit",
  "\x1b[A": "up",
  "\x1bOA": "up",
  k: "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
  j: "down",
};

/**
 * A whole terminal to draw on.
 *
 * Owns: the alternate screen and the keyboard's raw mode, until `close`. Called by: Node's event loop.
 * Invariants: after `close` the terminal is as it was.
 */
export class LiveTerminal {
  readonly #out: NodeJS.WriteStream;
  readonly #in: NodeJS.ReadStream;
  readonly #pressed: (key: Key) => void;
  readonly #resized: () => void;
  readonly #onData: (text: string) => void;
  readonly #onSignal = (): void => this.#pressed("quit");

  constructor(
    streams: { readonly out: NodeJS.WriteStream; readonly in: NodeJS.ReadStream },
    listener: {
      readonly pressed: (key: Key) => void;
      /** Takes all that is typed, and `pressed` no more than the signals that end the program. */
      readonly typed?: (text: string) => void;
      readonly resized: () => void;
    },
  ) {
    this.#out = streams.out;
    this.#in = streams.in;
    this.#pressed = listener.pressed;
    this.#resized = listener.resized;
    this.#onData = listener.typed ?? ((text) => this.#keys(text));
    this.#out.write(ENTER);
    this.#out.on("resize", this.#resized);
    process.on("SIGINT", this.#onSignal);
    process.on("SIGTERM", this.#onSignal);
    if (this.#in.isTTY === true) {
      this.#in.setRawMode(true);
      this.#in.setEncoding("utf8").on("data", this.#onData).resume();
    }
  }

  get size(): ScreenSize {
    return { columns: this.#out.columns || 80, rows: this.#out.rows || 24 };
  }

  draw(lines: readonly TopLine[]): void {
    const rows = lines.map((line) => `${painted(line, true)}${CLEAR_LINE}`);
    this.#out.write(`${HOME}${rows.join("\r\n")}${CLEAR_BELOW}`);
  }

  close(): void {
    this.#out.off("resize", this.#resized);
    process.off("SIGINT", this.#onSignal);
    process.off("SIGTERM", this.#onSignal);
    if (this.#in.isTTY === true) {
      this.#in.off("data", this.#onData).pause();
      this.#in.setRawMode(false);
    }
    this.#out.write(LEAVE);
  }

  #keys(text: string): void {
    const whole = KEYS[text];
    if (whole !== undefined) this.#pressed(whole);
    // Several keys may come at once.
    else for (const one of text) if (KEYS[one] !== undefined) this.#pressed(KEYS[one]);
  }
}

/** A line with its style, where there are colours. */
export function painted({ text, style }: TopLine, hasColors: boolean): string {
  const { bold, inverse, red } = colors.createColors(hasColors);
  switch (style) {
    case "plain":
      return text;
    case "heading":
      return bold(text);
    case "selected":
      return inverse(text);
    case "warning":
      return red(text);
  }
}
