import { type FoundJob, findJob, findJobs } from "../../control/index.js";
import { explain } from "../../errors/index.js";
import { type Cancel, RealClock } from "../../mailbox/index.js";
import { JobRates } from "./job-rates.js";
import { type Key, LiveTerminal, painted } from "./live-terminal.js";
import { topScreen } from "./top-screen.js";

/** What `headwater top` was told. */
export interface TopArguments {
  readonly once?: boolean;
}

/** Milliseconds from one look at the jobs to the next. */
const INTERVAL = 1000;
/** How long a job may take to say how it is doing, in milliseconds. */
const TIMEOUT = 5000;

const clock = new RealClock();
const QUICK = { clock, timeout: TIMEOUT };

/** Watches the running jobs of this user; without a terminal it prints them once. */
export async function topCommand(job: string | undefined, { once }: TopArguments): Promise<void> {
  const selected = job === undefined ? undefined : (await findJob(job, QUICK)).id;
  const jobs = await findJobs(QUICK);
  if (once !== true && process.stdout.isTTY === true) {
    await new TopLoop(jobs, selected).run();
    return;
  }
  const view = { jobs, rates: new Map(), selected, note: "" };
  const lines = topScreen(view).map((line) => painted(line, false));
  process.stdout.write(lines.map((line) => `${line.trimEnd()}\n`).join(""));
}

/**
 * Owns: the terminal, the last look at the jobs and which of them is chosen. Called by: its timer, the
 * keyboard and the terminal's size. Invariants: one look at a time.
 */
class TopLoop {
  readonly #rates = new JobRates();
  #jobs: readonly FoundJob[];
  #rate: ReadonlyMap<string, number>;
  #selected: string | undefined;
  #note = "q quits";
  #terminal: LiveTerminal | undefined;
  #cancel: Cancel = () => {};
  #finish: () => void = () => {};

  constructor(jobs: readonly FoundJob[], selected: string | undefined) {
    this.#jobs = jobs;
    this.#rate = this.#rates.look(jobs);
    this.#selected = selected ?? jobs[0]?.id;
  }

  /** Resolves when somebody has quit. */
  async run(): Promise<void> {
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    this.#terminal = new LiveTerminal(
      { out: process.stdout, in: process.stdin },
      { pressed: (key) => this.#pressed(key), resized: () => this.#draw() },
    );
    this.#draw();
    this.#schedule();
    await finished;
    this.#cancel();
    this.#terminal.close();
    this.#terminal = undefined;
  }

  #schedule(): void {
    this.#cancel = clock.schedule(INTERVAL, () => {
      this.#look().finally(() => {
        if (this.#terminal !== undefined) this.#schedule();
      });
    });
  }

  async #look(): Promise<void> {
    try {
      this.#jobs = await findJobs(QUICK);
      this.#rate = this.#rates.look(this.#jobs);
      const isThere = this.#jobs.some(({ id }) => id === this.#selected);
      this.#note = isThere || this.#selected === undefined ? "" : `${this.#selected} has ended · `;
      this.#note += this.#jobs.length > 1 ? "arrows choose, q quits" : "q quits";
      this.#selected ??= this.#jobs[0]?.id;
    } catch (error) {
      this.#note = explain(error).split("\n")[0] ?? "";
    }
    this.#draw();
  }

  #pressed(key: Key): void {
    if (key === "quit") {
      this.#finish();
      return;
    }
    const ids = this.#jobs.map(({ id }) => id);
    if (ids.length === 0) return;
    const at = this.#selected === undefined ? -1 : ids.indexOf(this.#selected);
    const next = at < 0 ? 0 : at + (key === "down" ? 1 : -1);
    this.#selected = ids[Math.min(ids.length - 1, Math.max(0, next))];
    this.#draw();
  }

  #draw(): void {
    const terminal = this.#terminal;
    if (terminal === undefined) return;
    const view = {
      jobs: this.#jobs,
      rates: this.#rate,
      selected: this.#selected,
      note: this.#note,
    };
    terminal.draw(topScreen(view, terminal.size));
  }
}
