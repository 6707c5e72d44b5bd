import { AT_DIFFERENCE, problemText, type Replay } from "../../inspect/replay/index.js";

const HELP =
  "→ ← step · PgDn PgUp 100 lines · Home End · d D difference · / find · ↑ ↓ actor · q quits";

/** Lines of Page Down. */
const PAGE = 100;

const KEYS: Readonly<Record<string, string>> = {
  "\x1b[C": "on",
  "\x1bOC": "on",
  " ": "on",
  l: "on",
  "\x1b[D": "back",
  "\x1bOD": "back",
  h: "back",
  "\x1b[6~": "page on",
  "\x1b[5~": "page back",
  "\x1b[H": "begin",
  "\x1bOH": "begin",
  "\x1b[1~": "begin",
  g: "begin",
  "\x1b[F": "end",
  "\x1bOF": "end",
  "\x1b[4~": "end",
  G: "end",
  d: "next difference",
  D: "last difference",
  "\x1b[A": "up",
  "\x1bOA": "up",
  k: "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
  j: "down",
  "/": "find",
  n: "find on",
  N: "find back",
  q: "quit",
  Q: "quit",
  "\x03": "quit",
};

/** Keys that a terminal sends as one piece begin with an escape. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what they begin with.
const PIECES = /\x1b(?:\[[\d;]*[~A-Za-z]|O[A-Za-z])|./gsu;

/**
 * What somebody types at a replay.
 *
 * Owns: what is being typed, what was looked for, and which actor is chosen. Called by: the keyboard.
 */
export class ReplayKeys {
  readonly #replay: Replay;
  readonly #sessions: () => readonly string[];
  /** Undefined: nothing is being typed. */
  #typed: string | undefined;
  #sought = "";
  #said = "";
  selected: string | undefined;

  /** `sessions`: of the machines as they are shown. */
  constructor(replay: Replay, sessions: () => readonly string[]) {
    this.#replay = replay;
    this.#sessions = sessions;
    const { problems, problemCount } = replay.run;
    const [first] = problems;
    if (first === undefined) return;
    const others = problemCount > 1 ? ` (and ${problemCount - 1} more)` : "";
    this.#said = `${problemText(first)}${others}`;
  }

  /** The last row of the screen. */
  get note(): string {
    if (this.#typed !== undefined) {
      return `go to the line, event type or address, or “difference”: ${this.#typed}_`;
    }
    return this.#said === "" ? HELP : `${this.#said} · ${HELP}`;
  }

  /** Takes what the terminal sends; true: somebody quits. */
  type(text: string): boolean {
    for (const [key] of text.matchAll(PIECES)) {
      this.#said = "";
      if (this.#typed !== undefined) {
        if (this.#edit(key, this.#typed)) return true;
      } else if (this.#press(KEYS[key])) return true;
    }
    return false;
  }

  #edit(key: string, typed: string): boolean {
    if (key === "\x03") return true;
    if (key === "\r" || key === "\n") {
      this.#typed = undefined;
      if (typed.trim() !== "") this.#seek(typed.trim(), false);
    } else if (key === "\x1b") this.#typed = undefined;
    else if (key === "\x7f" || key === "\b") this.#typed = typed.slice(0, -1);
    else if (!key.startsWith("\x1b") && key >= " ") this.#typed = typed + key;
    return false;
  }

  #press(what: string | undefined): boolean {
    const replay = this.#replay;
    switch (what) {
      case "quit":
        return true;
      case "on":
        this.#move(replay.place + 1);
        break;
      case "back":
        this.#move(replay.place - 1);
        break;
      case "page on":
        this.#move(replay.place + PAGE);
        break;
      case "page back":
        this.#move(replay.place - PAGE);
        break;
      case "begin":
        this.#move(0);
        break;
      case "end":
        this.#move(replay.size);
        break;
      case "next difference":
        this.#seek(AT_DIFFERENCE, false);
        break;
      case "last difference":
        this.#seek(AT_DIFFERENCE, true);
        break;
      case "find":
        this.#typed = "";
        break;
      case "find on":
      case "find back":
        if (this.#sought !== "") this.#seek(this.#sought, what === "find back");
        break;
      case "up":
        this.#choose(-1);
        break;
      case "down":
        this.#choose(1);
        break;
    }
    return false;
  }

  #move(place: number): void {
    this.#replay.goTo(place);
    this.#follow();
  }

  /** The machine that has just taken a step is chosen. */
  #follow(): void {
    this.selected = this.#replay.step?.session ?? this.selected;
  }

  #seek(text: string, back: boolean): void {
    const replay = this.#replay;
    if (/^\d+$/.test(text)) {
      this.#move(replay.run.placeOf(Number(text)));
      return;
    }
    this.#sought = text;
    const start = replay.place;
    if (back ? !replay.runBackUntil(text) : !replay.runUntil(text)) {
      replay.goTo(start);
      this.#said = `no ${text} ${back ? "before" : "after"} this`;
    }
    this.#follow();
  }

  #choose(by: number): void {
    const sessions = this.#sessions();
    if (sessions.length === 0) return;
    const at = this.selected === undefined ? -1 : sessions.indexOf(this.selected);
    const next = at < 0 ? 0 : Math.max(0, Math.min(sessions.length - 1, at + by));
    this.selected = sessions[next];
  }
}
