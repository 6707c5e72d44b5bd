import type { InspectorOptions } from "../inspect/inspector-options.js";
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
  /** True: at the port that is usual. */
  readonly metrics?: true | number;
  /** True: at a port that is free; `stately`: in the inspector of Stately. */
  readonly inspect?: true | number | "stately";
  readonly inspectToken?: string;
  /** Records a second of each source; 0: no limit. */
  readonly pace?: number;
  readonly record?: string;
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
  const { record } = args;
  return {
    ...given({ parallelism, fromSavepoint, resume, allowNonRestoredState, record }),
    inspect: inspectorOptions(args),
    checkpoint: given(checkpoint),
  };
}

function inspectorOptions({ inspect, inspectToken }: RunArguments): false | InspectorOptions {
  if (inspect === undefined) return false;
  return given({
    port: typeof inspect === "number" ? inspect : undefined,
    token: inspectToken,
    stays: true,
    stately: inspect === "stately" ? true : undefined,
  });
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
  if (args.metrics !== undefined) {
    options.push(args.metrics === true ? "--metrics" : `--metrics ${args.metrics}`);
  }
  if (args.inspect !== undefined) {
    options.push(args.inspect === true ? "--inspect" : `--inspect ${args.inspect}`);
  }
  if (args.pace !== undefined) options.push(`--pace ${args.pace}`);
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
