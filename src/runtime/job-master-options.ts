import type { CheckpointStorage } from "../checkpoint/index.js";
import type { JobLog } from "../logging/index.js";
import type { Address, InspectionObserver } from "../mailbox/index.js";
import type { RestartStrategy } from "./restart-strategy.js";

/** What a job master is given. */
export interface JobMasterOptions {
  readonly jobName: string;
  readonly storage: CheckpointStorage;
  readonly restartStrategy: RestartStrategy;
  readonly checkpointCoordinator: Address;
  /** Who hears of status changes and of the end. */
  readonly client: Address;
  readonly log?: JobLog | undefined;
  readonly inspect: InspectionObserver | undefined;
  /** Where to start from; undefined: from scratch. */
  readonly initialRestorePoint: string | undefined;
}
