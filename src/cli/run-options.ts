import type { RunOptions } from "../runtime/index.js";

/** What `headwater run` was told, as commander gives it. */
export interface RunArguments {
  readonly parallelism?: number;
  readonly checkpointDir?: string;
  readonly checkpointInterval?: string;
  readonly checkpointTimeout?: string;
  readonly checkpointMinPause?: string;
  readonly tolerableFailures?: number;
  readonly retained?: number;
  readonly pauseUntilFirstCheckpoint?: boolean;
  readonly fromSavepoint?: string;
  readonly resume?: boolean;
  readonly allowNonRestoredState?: boolean;
  readonly failAt?: number;
  readonly control: "on" | "off";
  readonly progress: boolean;
  /** What the job file itself is to take. */
  readonly jobArguments?: readonly string[];
}

/** The options of the job; what was not given is left to the job's defaults. */
export function runOptions(args: RunArguments): RunOptions {
  const { parallelism, fromSavepoint, resume, allowNonRestoredState } = args;
  const checkpoint = {
    directory: args.checkpointDir,
    interval: args.checkpointInterval,
    timeout: args.checkpointTimeout,
    minPause: args.checkpointMinPause,
    tolerableFailures: args.tolerableFailures,
    retained: args.retained,
    pauseUntilFirstCheckpoint: args.pauseUntilFirstCheckpoint,
  };
  return {
    ...given({ parallelism, fromSavepoint, resume, allowNonRestoredState }),
    checkpoint: given(checkpoint),
  };
}

/** What to type to go on from a savepoint with the same options. */
export function resumeCommand(file: string, args: RunArguments): (location: string) => string {
  const own = (args.jobArguments ?? []).map(shellWord);
  if (process.env.npm_lifecycle_event === "start") {
    return () => ["npm start -- --resume", ...own].join(" ");
  }
  const options = [
    ["--parallelism", args.parallelism],
    ["--checkpoint-dir", args.checkpointDir],
    ["--checkpoint-interval", args.checkpointInterval],
    ["--checkpoint-timeout", args.checkpointTimeout],
    ["--checkpoint-min-pause", args.checkpointMinPause],
    ["--tolerable-failures", args.tolerableFailures],
    ["--retained", args.retained],
  ].flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${shellWord(String(value))}`],
  );
  if (args.pauseUntilFirstCheckpoint === true) options.push("--pause-until-first-checkpoint");
  const start = ["headwater run", shellWord(file), ...options, ...own].join(" ");
  return (location) => `${start} --from-savepoint ${shellWord(location)}`;
}

/** As a shell reads it back. */
function shellWord(text: string): string {
  return /^[\w:/.%,=@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Given<T>;
}
