import { LEAKING_MUTANTS } from "./leaking-mutants.js";
import { SINK_AND_STATE_MUTANTS } from "./sink-and-state-mutants.js";

/** A defect put into the framework on purpose. */
export interface Mutant {
  readonly name: string;
  /** Of the compiled output. */
  readonly file: string;
  /** Occurs once. */
  readonly find: string;
  readonly replace: string;
  /** The simulated job that shows it. */
  readonly job: string;
}

/** Defects that every simulator worth its name sees. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "commits before the checkpoint is durable",
    file: "src/runtime/sink-commits.js",
    find: "this.#prepared.push({ checkpointId, committable });",
    replace:
      "this.#prepared.push({ checkpointId, committable });\nthis.checkpointCompleted(checkpointId);",
    job: "transactional",
  },
  {
    name: "forgets addSplitsBack",
    file: "src/coordinator/source-coordinator.js",
    find: "this.#enumerator?.addSplitsBack(splits, subtask);",
    replace: "",
    job: "transactional",
  },
  {
    name: "restores the enumerator only",
    file: "src/runtime/deployment.js",
    find: "return state === undefined ? undefined : redistributeState(state, parallelism);",
    replace: "return undefined;",
    job: "transactional",
  },
  {
    name: "does not restore the enumerator",
    file: "src/coordinator/source-coordinator-actor.js",
    find: "if (restore !== undefined) {",
    replace: "if (false) {",
    job: "transactional",
  },
  {
    name: "drops the wake-up of a waiting fetch",
    file: "src/reader/split-fetcher.js",
    find: "wakeUpSplitReader: ({ context }) => {",
    replace: "wakeUpSplitReader: ({ context }) => { return;",
    job: "aligned",
  },
  {
    name: "drops the wake-up of a reader that waits for records",
    file: "src/runtime/source-loop.js",
    find: "this.#waitingFor = undefined;\n                this.#options.wake();",
    replace: "this.#waitingFor = undefined;",
    job: "plain",
  },
  {
    name: "acknowledges before the flush",
    file: "src/runtime/sink-feed.js",
    find: "yield* this.#flush(deadLetters, false);",
    replace: "",
    job: "plain",
  },
  {
    name: "does not flush at the end",
    file: "src/runtime/sink-feed.js",
    find: "yield* this.#flush(deadLetters, true);",
    replace: "",
    job: "plain",
  },
  {
    name: "does not commit what a restored checkpoint holds",
    file: "src/runtime/sink-commits.js",
    find: "if (commits.length > 0) {",
    replace: "if (false) {",
    job: "transactional",
  },
  {
    name: "leaves commits under way out of the next checkpoint",
    file: "src/runtime/sink-commits.js",
    find: "return [...running, ...this.#prepared];",
    replace: "return this.#prepared;",
    job: "files",
  },
  {
    name: "forgets what was prepared for an aborted checkpoint",
    file: "src/runtime/sink-commits.js",
    find: "(one) => one.checkpointId <= checkpointId",
    replace: "(one) => one.checkpointId === checkpointId",
    job: "transactional",
  },
  {
    name: "ends without the last commit",
    file: "src/runtime/subtask.js",
    find: "const isDone = !waits || this.#checkpoints.stop !== undefined;",
    replace: "const isDone = true;",
    job: "transactional",
  },
  {
    name: "starts an attempt before the last one has closed",
    file: "src/runtime/deployment.js",
    find: 'return this.#executions().every((execution) => execution.phase !== "FAILED");',
    replace:
      'for (const e of this.#executions()) if (e.phase === "FAILED") e.phase = "CLOSED";\nreturn true;',
    job: "plain",
  },
  {
    name: "restarts from the checkpoint that the job began with",
    file: "src/runtime/job-master.js",
    find: "this.#lastCheckpoint?.location ?? options.initialRestorePoint",
    replace: "options.initialRestorePoint",
    job: "transactional",
  },
  {
    name: "reads on behind the barrier of a stop",
    file: "src/runtime/subtask.js",
    find: 'this.#machine.send({ type: "StopBarrierEmitted" });',
    replace: "void 0;",
    job: "transactional",
  },
  {
    name: "calls a checkpoint complete whose bytes were not synced",
    file: "src/checkpoint/file-checkpoint-storage.js",
    find: "await file.sync();",
    replace: "",
    job: "transactional",
  },
  {
    name: "calls a checkpoint complete whose name was not synced",
    file: "src/checkpoint/file-checkpoint-storage.js",
    find: "await this.#fs.syncDirectory(location);",
    replace: "",
    job: "transactional",
  },
  {
    name: "deletes the newest checkpoints instead of the oldest",
    file: "src/checkpoint/file-checkpoint-storage.js",
    find: "ids.slice(0, -this.#retained)",
    replace: "ids.slice(this.#retained)",
    job: "transactional",
  },
  {
    name: "makes the highest watermark of all splits the operator's",
    file: "src/eventtime/combined-watermark-status.js",
    find: "this.#idle ? this.#highest() : this.#active.minimum()",
    replace: "this.#highest()",
    job: "plain",
  },
  {
    name: "takes an envelope twice",
    file: "src/mailbox/actor-system.js",
    find: "if (envelope.sequence <= last) {",
    replace: "if (false) {",
    job: "plain",
  },
  {
    name: "sends a lost packet no second time",
    file: "src/mailbox/reliable-transport.js",
    find: "for (let i = 0; i < this.#onLine; i++)\n                this.#transmit(i);",
    replace: "",
    job: "plain",
  },
  {
    name: "delivers packets as they come",
    file: "src/mailbox/reliable-transport.js",
    find: "for (const one of due)",
    replace:
      "if (isInWindow && due.length === 0) this.#deliver?.(envelope);\nfor (const one of due)",
    job: "plain",
  },
  {
    name: "deals no splits to the last subtask after rescaling",
    file: "src/checkpoint/redistribute-state.js",
    find: "const hand = hands[next++ % parallelism];",
    replace:
      "if (parallelism > 1 && next % parallelism === parallelism - 1) { next++; continue; }\nconst hand = hands[next++ % parallelism];",
    job: "transactional",
  },
  {
    name: "leaves calls under way out of the checkpoint",
    file: "src/stream/async-map-state.js",
    find: "inFlight: records.map(",
    replace: "inFlight: records.slice(0, 0).map(",
    job: "async",
  },
  {
    name: "takes what subtasks send before it is started",
    file: "src/coordinator/source-coordinator-actor.js",
    find: "if (this.#isEarly(event)) {",
    replace: "if (this.coordinator.isStarted && this.#isEarly(event)) {",
    job: "transactional",
  },
  {
    name: "takes what a new attempt sends before the splits of the old one are back",
    file: "src/coordinator/attempt-fence.js",
    find: "return attempts !== undefined && attempt > attempts.latest;",
    replace: "return false;",
    job: "stateful",
  },
  {
    name: "does not try again a checkpoint that a finished subtask waits for",
    file: "src/checkpoint/awaited-checkpoint.js",
    find: "if (!this.#isPending)",
    replace: "if (true)",
    job: "transactional",
  },
  {
    name: "commits offsets to Kafka before the checkpoint is durable",
    file: "src/connectors/kafka/source/offset-commits.js",
    find: "this.#byCheckpoint.set(checkpointId, this.#offsetsOf(states));",
    replace: "this.#commit(this.#offsetsOf(states));",
    job: "kafka",
  },
  {
    name: "leaves Kafka transactions of subtasks open that are no longer there",
    file: "src/connectors/kafka/sink/transactional-ids.js",
    find: "this.#abortOfGone(indexOfSubtask + currentParallelism, currentParallelism, first),",
    replace: "",
    job: "kafka",
  },
  {
    name: "takes a Kafka transaction for committed when the coordinator has no time",
    file: "src/connectors/kafka/sink/kafka-committer.js",
    find: "request.retryLater();",
    replace: "",
    job: "kafka",
  },
  ...SINK_AND_STATE_MUTANTS,
  ...LEAKING_MUTANTS,
];
