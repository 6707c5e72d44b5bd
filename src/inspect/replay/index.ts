export { lineFacts } from "./line-text.js";
export { RecordedRun } from "./recorded-run.js";
export { AT_DIFFERENCE, Replay } from "./replay.js";
export { problemText } from "./replay-feed.js";
export type { ReplayedMachine } from "./replayed-machine.js";
export { serveReplay } from "./serve-replay.js";
