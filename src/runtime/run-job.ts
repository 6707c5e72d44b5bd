import { checkpointStorageAt } from "../checkpoint/addressed-storage.js";
import {
  CheckpointCoordinator,
  type CheckpointStorage,
  findRestorePoint,
  nextCheckpointId,
  type RestorePoint,
  verifyRestorable,
} from "../checkpoint/index.js";
import { AlignmentGroup } from "../coordinator/index.js";
import { toErrorInfo } from "../errors/index.js";
import { JobLog } from "../logging/index.js";
import { ActorSystem, type Address, address, ImmediateScheduler } from "../mailbox/index.js";
import { MetricRegistry } from "../metrics/metric-registry.js";
import { Deployment } from "./deployment.js";
import { JobClient, type JobHandle } from "./job-client.js";
import { makeInspectable, startRecording } from "./job-inspection.js";
import { JobMaster } from "./job-master.js";
import type { JobOptions } from "./job-options.js";
import { registerJobMetrics, serveJobMetrics, startFields } from "./job-telemetry.js";
import {
  DEFAULT_SAVEPOINT_DIRECTORY,
  memoryWithSavepointFiles,
} from "./memory-with-savepoint-files.js";
import { type Pipeline, stateNames } from "./pipeline.js";
import { verifyReadable } from "./verify-readable.js";
import { verifySinks } from "./verify-sinks.js";

/**
 * Starts a job's actors and returns its handle; the job itself is deployed by a StartJob event.
 *
 * A checkpoint or savepoint that the job cannot start from is refused before anything runs.
 */
export async function runJob(
  jobName: string,
  pipelines: readonly Pipeline[],
  options: JobOptions,
  system = new ActorSystem(options.ports),
): Promise<JobHandle> {
  verifySinks(jobName, pipelines, options);
  const registry = new MetricRegistry();
  const mailboxes = registry.root().group("mailbox");
  mailboxes.gauge("numEventsDelivered", () => system.counts.delivered);
  mailboxes.gauge("numEventsFenced", () => system.counts.fenced);
  mailboxes.gauge("numDuplicateEvents", () => system.counts.duplicates);
  mailboxes.gauge("numDeadLetters", () => system.counts.deadLetters);
  const storage = createStorage(jobName, options);
  const restorePoint = await findStart(storage, options);
  const start = restorePoint?.data;
  if (restorePoint !== undefined) verify(restorePoint, jobName, pipelines, options);
  const firstCheckpointId = await nextCheckpointId(storage, start);
  const jobMaster = address(jobName, "job-master");
  const checkpointCoordinator = address(jobName, "checkpoint-coordinator");
  const clientAddress = address(jobName, "client");
  const log = options.logger && new JobLog(options.logger, { job: jobName });
  const recording = await startRecording(jobName, system, options);
  const inspect = system.machines.observer(options.inspect);
  const groups = spawnAlignmentGroups(system, jobName, pipelines, jobMaster);
  const deployment = new Deployment(system, {
    jobName,
    pipelines,
    parallelism: options.parallelism,
    hostName: options.hostName,
    autoWatermarkInterval: options.autoWatermarkInterval,
    allowUnalignedSourceSplits: options.allowUnalignedSourceSplits,
    hasPeriodicCheckpoints: options.checkpoint.interval !== undefined,
    pausesUntilCheckpoint: options.checkpoint.pauseUntilFirstCheckpoint,
    jobMaster,
    checkpointCoordinator,
    metricGroup: registry.root(),
    log,
    inspect,
    alignmentGroups: groups,
  });
  const client = system.spawn(
    clientAddress,
    (context) =>
      new JobClient(context, {
        initial: {
          jobName,
          state: "CREATED",
          restoredFrom: restorePoint?.location,
          restarts: 0,
          lastError: undefined,
          completedCheckpoints: 0,
          lastCheckpoint: undefined,
          savepoint: undefined,
          pipelines: deployment.overview(),
        },
        jobMaster,
        checkpointCoordinator,
        registry,
        ending: recording && (({ state }) => recording.close(state)),
        defaultTarget:
          options.checkpoint.directory ?? storage.savepointTarget ?? DEFAULT_SAVEPOINT_DIRECTORY,
      }),
  );
  system.spawn(checkpointCoordinator, (context) => {
    const { interval, intervalDuringBacklog, pauseUntilFirstCheckpoint, ...limits } =
      options.checkpoint;
    const { timeout, minPause, tolerableFailures } = limits;
    return new CheckpointCoordinator(context, {
      jobName,
      storage,
      jobMaster,
      metricGroup: registry.root().group("checkpoint"),
      ...(log === undefined ? {} : { log }),
      timeout,
      minPause,
      tolerableFailures,
      awaitedByNewAttempts: pauseUntilFirstCheckpoint,
      ...(interval === undefined ? {} : { interval }),
      ...(intervalDuringBacklog === undefined ? {} : { intervalDuringBacklog }),
      pipelines: deployment.pipelines(),
      firstCheckpointId,
      inspect,
    });
  });
  system.spawn(
    jobMaster,
    (context) =>
      new JobMaster(
        context,
        {
          jobName,
          storage,
          restartStrategy: options.restartStrategy,
          checkpointCoordinator,
          client: clientAddress,
          log,
          inspect,
          initialRestorePoint: restorePoint?.location,
        },
        deployment,
      ),
  );
  log?.write("info", "job started", startFields(client.status()));
  registerJobMetrics(registry, client, system.clock);
  await makeInspectable(client, system, options);
  system.post(clientAddress, jobMaster, { type: "StartJob" });
  if (options.metrics !== undefined) await serveJobMetrics(client, options.metrics, log);
  return client;
}

function createStorage(jobName: string, { checkpoint, ports }: JobOptions): CheckpointStorage {
  if (checkpoint.storage !== undefined) return checkpoint.storage;
  const { directory, retained } = checkpoint;
  const { scheduler = new ImmediateScheduler() } = ports;
  return directory === undefined
    ? memoryWithSavepointFiles(jobName, retained, scheduler)
    : checkpointStorageAt(directory, { jobName, retained }, scheduler);
}

/** Where the job starts: the savepoint that was named, the newest checkpoint, or nothing. */
async function findStart(
  storage: CheckpointStorage,
  { fromSavepoint, resume }: JobOptions,
): Promise<RestorePoint | undefined> {
  if (fromSavepoint !== undefined) {
    return { location: fromSavepoint, data: await storage.load(fromSavepoint) };
  }
  return resume ? findRestorePoint(storage) : undefined;
}

function verify(
  { location, data }: RestorePoint,
  jobName: string,
  pipelines: readonly Pipeline[],
  { allowNonRestoredState }: JobOptions,
): void {
  verifyRestorable(data, {
    jobName,
    location,
    pipelines: pipelines.map((pipeline) => ({
      id: pipeline.id,
      operatorNames: stateNames(pipeline),
    })),
    allowNonRestoredState,
  });
  verifyReadable({ location, data }, pipelines);
}

function spawnAlignmentGroups(
  system: ActorSystem,
  jobName: string,
  pipelines: readonly Pipeline[],
  jobMaster: Address,
): ReadonlyMap<string, Address> {
  const groups = new Map<string, Address>();
  for (const { watermarkStrategy } of pipelines) {
    const group = watermarkStrategy.alignment?.group;
    if (group === undefined || groups.has(group)) continue;
    const self = address(jobName, "alignment-group", group);
    system.spawn(self, (context) => {
      const onError = (error: unknown): void =>
        context.post(jobMaster, { type: "ActorFailed", error: toErrorInfo(error) });
      return new AlignmentGroup(context, { onError });
    });
    groups.set(group, self);
  }
  return groups;
}
