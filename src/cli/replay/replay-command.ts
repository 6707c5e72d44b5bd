import { HeadwaterError } from "../../errors/index.js";
import { AT_DIFFERENCE, RecordedRun, Replay, serveReplay } from "../../inspect/replay/index.js";
import { jsonText } from "../table.js";
import { LiveTerminal } from "../top/live-terminal.js";
import { ReplayKeys } from "./replay-keys.js";
import { orderedMachines, replayData, replayScreen, replayText } from "./replay-screen.js";

/** What `headwater replay` was told. */
export interface ReplayArguments {
  readonly until?: string;
  readonly once?: boolean;
  readonly json?: boolean;
  readonly inspect?: number | true;
  readonly inspectToken?: string;
}

/**
 * Plays a record again: in the terminal or the browser step by step, otherwise to its end or to
 * `until`. The exit code is 1 when a machine has done other than the record says.
 */
export async function replayCommand(file: string, args: ReplayArguments): Promise<void> {
  const run = new RecordedRun(file);
  try {
    const replay = new Replay(run);
    if (args.until !== undefined) goTo(replay, args.until);
    if (args.inspect !== undefined) await serve(replay, args);
    else if (args.json !== true && args.once !== true && process.stdout.isTTY === true) {
      await new ReplayLoop(replay).run();
    } else {
      if (args.until === undefined) replay.goTo(replay.size);
      print(args.json === true ? [jsonText(replayData(replay))] : replayText(replay));
      if (replay.differenceCount > 0) process.exitCode = 1;
    }
  } finally {
    run.close();
  }
}

function goTo(replay: Replay, until: string): void {
  const target = /^\d+$/.test(until) ? Number(until) : until;
  // That there is no difference is an answer: it stands at the end.
  if (replay.runUntil(target) || target === AT_DIFFERENCE) return;
  throw new HeadwaterError("ILLEGAL_ARGUMENT", `the record has no ${until}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint: "Give the number of a line, an event type such as TriggerCheckpoint, an address (a * at its end stands for any ending), or difference.",
  });
}

/** Until somebody interrupts it. */
async function serve(replay: Replay, args: ReplayArguments): Promise<void> {
  const { inspect, inspectToken: token } = args;
  const served = await serveReplay(replay, {
    ...(typeof inspect === "number" && { port: inspect }),
    ...(token !== undefined && { token }),
  });
  process.stderr.write(`replay of ${replay.run.header.job}: ${served.url}\n`);
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  await served.close();
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** Owns: the terminal. Called by: the keyboard and the terminal's size. */
class ReplayLoop {
  readonly #replay: Replay;
  readonly #keys: ReplayKeys;
  #terminal: LiveTerminal | undefined;

  constructor(replay: Replay) {
    this.#replay = replay;
    this.#keys = new ReplayKeys(replay, () => {
      return orderedMachines(replay).map(({ session }) => session);
    });
  }

  /** Resolves when somebody has quit. */
  async run(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#terminal = new LiveTerminal(
        { out: process.stdout, in: process.stdin },
        {
          pressed: () => resolve(),
          typed: (text) => {
            if (this.#keys.type(text)) resolve();
            else this.#draw();
          },
          resized: () => this.#draw(),
        },
      );
      this.#draw();
    });
    this.#terminal?.close();
    this.#terminal = undefined;
  }

  #draw(): void {
    const terminal = this.#terminal;
    if (terminal === undefined) return;
    const { selected, note } = this.#keys;
    terminal.draw(replayScreen({ replay: this.#replay, selected, note }, terminal.size));
  }
}
