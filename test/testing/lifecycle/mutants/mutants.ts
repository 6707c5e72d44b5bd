/** A defect put into a class on purpose. */
export interface Mutant {
  readonly name: string;
  /** The machine whose tests see it. */
  readonly lifecycle: string;
  /** Of the compiled output. */
  readonly file: string;
  /** Occurs once. */
  readonly find: string;
  readonly replace: string;
}

const FETCHER = { lifecycle: "split-fetcher", file: "src/reader/split-fetcher.js" };
const MANAGER = { lifecycle: "fetcher-manager", file: "src/reader/split-fetcher-manager.js" };
const OPERATOR = { lifecycle: "source-operator", file: "src/operator/source-operator.js" };
const COORDINATOR = {
  lifecycle: "source-coordinator",
  file: "src/coordinator/coordinator-state.js",
};
const CHECKPOINT = { lifecycle: "checkpoint", file: "src/checkpoint/checkpoint-coordinator.js" };
const SUBTASK = { lifecycle: "subtask", file: "src/runtime/subtask.js" };
const JOB = { lifecycle: "job", file: "src/runtime/job-master.js" };
const COMMITS = { lifecycle: "committer", file: "src/runtime/sink-commits.js" };
const CONNECTION = { lifecycle: "connection", file: "src/net/connection.js" };
const ASYNC = { lifecycle: "async-operator", file: "src/stream/async-map-run.js" };

/** Each is in the class, not in its machine: the machine alone would never show it. */
export const MUTANTS: readonly Mutant[] = [
  {
    ...FETCHER,
    name: "does not wake up a fetch for a task",
    find: "this.#splitReader.wakeUp();\n                }\n                catch (error) {",
    replace: "}\n                catch (error) {",
  },
  {
    ...FETCHER,
    name: "does not wake up a waiting hand-over",
    find: "if (this.#putting)\n",
    replace: "if (false)\n",
  },
  {
    ...FETCHER,
    name: "says that a batch was refused when it was accepted",
    find: "if (!accepted) {",
    replace: "if (accepted) {",
  },
  {
    ...FETCHER,
    name: "keeps splits that have ended",
    find: "if (this.#splits.delete(splitId))",
    replace: "if (this.#splits.has(splitId))",
  },
  {
    ...FETCHER,
    name: "does not tell its manager that it has closed",
    find: 'this.#report({ type: "FetcherClosed", fetcher: this.#id });',
    replace: "",
  },
  {
    ...MANAGER,
    name: "does not tell idle fetchers to end",
    find: "post(view.address, true);",
    replace: "",
  },
  {
    ...MANAGER,
    name: "does not wake the reader up for a report",
    find: "notifyAvailable: () => this.queue.notifyAvailable(),",
    replace: "notifyAvailable: () => { },",
  },
  {
    ...MANAGER,
    name: "leaves its close timer running",
    find: "stopCloseTimer: () => this.#cancelCloseTimer?.(),",
    replace: "stopCloseTimer: () => { },",
  },
  {
    ...OPERATOR,
    name: "never ends a wait for alignment",
    find: 'if (mode === "WAITING_FOR_ALIGNMENT" && !this.#pastLimit) {',
    replace: "if (false) {",
  },
  {
    ...OPERATOR,
    name: "does not tell that its stop has ended",
    find: "completeStop: () => this.#availability.noteStopped(),",
    replace: "completeStop: () => { },",
  },
  {
    ...OPERATOR,
    name: "emits periodic watermarks after a stop",
    find: "stopInternalServices: () => this.#eventTime?.stopPeriodicWatermarkEmits(),",
    replace: "stopInternalServices: () => { },",
  },
  {
    ...COORDINATOR,
    name: "does an effect twice after a refusal",
    find: "this.#effects = [];\n        for (const effect of effects)\n            effect();",
    replace: "for (const effect of effects)\n            effect();\n        this.#effects = [];",
  },
  {
    ...COORDINATOR,
    name: "takes a coordinator that closes for one that runs",
    find: 'return value === "closing" || value === "closed";',
    replace: 'return value === "closed";',
  },
  {
    ...CHECKPOINT,
    name: "leaves the timeout of a checkpoint that has ended running",
    find: "pending?.options.cancelTimeout();",
    replace: "",
  },
  {
    ...CHECKPOINT,
    name: "takes a timeout of any checkpoint for the pending one's",
    find: 'this.#send({ type: "TimedOut", checkpointId: event.checkpointId });',
    replace:
      'this.#send({ type: "TimedOut", checkpointId: this.#machine.snapshot.context.pending?.checkpointId ?? 0 });',
  },
  {
    ...CHECKPOINT,
    name: "does not confirm that it is suspended",
    find: "confirmSuspended: () => this.#suspension.suspended(this.#lastCheckpoint),",
    replace: "confirmSuspended: () => { },",
  },
  {
    ...SUBTASK,
    name: "ends although something waits for a commit",
    find: "const isDone = !waits ||",
    replace: "const isDone = true ||",
  },
  {
    ...SUBTASK,
    name: "goes on when it is cancelled",
    find: 'this.#machine.send({ type: "CancelRequested" });',
    replace: "",
  },
  {
    ...SUBTASK,
    name: "does not go on after an aborted savepoint",
    find: 'this.#machine.send({ type: "SavepointAborted" });',
    replace: "",
  },
  {
    ...SUBTASK,
    name: "tells the job that it has closed only when it has read everything",
    find: 'this.#postToJob({ type: "SubtaskClosed", ...this.#id });',
    replace: 'if (outcome === "FINISHED") this.#postToJob({ type: "SubtaskClosed", ...this.#id });',
  },
  {
    ...JOB,
    name: "forgets to deploy after a restart",
    find: "this.#deployDue = true;",
    replace: "this.#deployDue = this.#restart === 0;",
  },
  {
    ...JOB,
    name: "restarts before the old attempts are released",
    find: "if (!released && this.#isReleased && !this.#suspending) {",
    replace: "if (!released) {",
  },
  {
    ...COMMITS,
    name: "swallows a failed commit",
    find: "reportFailure: () => this.#fail(this.#error),",
    replace: "reportFailure: () => { },",
  },
  {
    ...COMMITS,
    name: "takes a postponed commit for a committed one",
    find: 'postponed.length > 0 ? "CommitPostponed"',
    replace: 'postponed.length > 1 ? "CommitPostponed"',
  },
  {
    ...CONNECTION,
    name: "leaves the connect timer running",
    find: "stopConnectTimer: () => this.#cancelConnectTimer?.(),",
    replace: "stopConnectTimer: () => { },",
  },
  {
    ...CONNECTION,
    name: "takes every broken connection for one that was never made",
    find: 'this.#isConnected ? "ConnectionBroken" : "ConnectFailed"',
    replace: '"ConnectFailed"',
  },
  {
    ...ASYNC,
    name: "stays full when there is room again",
    find: 'this.#state === "FULL" && !holdsInput',
    replace: "false",
  },
  {
    ...ASYNC,
    name: "leaves calls running when it closes",
    find: "this.#calls.close(reason);",
    replace: "",
  },
];
