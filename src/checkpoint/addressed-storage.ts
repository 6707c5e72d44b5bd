import { ImmediateScheduler, type Scheduler } from "../mailbox/index.js";
import type { CheckpointStorage } from "./checkpoint-data.js";
import { FileCheckpointStorage } from "./file-checkpoint-storage.js";
import {
  S3CheckpointStorage,
  type S3CheckpointStorageOptions,
  type S3CheckpointStoragePorts,
} from "./s3/s3-checkpoint-storage.js";
import { checkAddress, isS3Address } from "./storage-address.js";

/** Whose checkpoints, and how many are kept. */
export interface AddressedStorageOptions {
  readonly jobName: string;
  readonly retained?: number;
}

/**
 * The storage for an address: a directory, or `s3://bucket/prefix`. Its savepoints go, and are read,
 * where their own address says.
 *
 * Throws OPTION_INVALID for an address of another kind.
 */
export function checkpointStorageAt(
  address: string,
  options: AddressedStorageOptions,
  scheduler: Scheduler = new ImmediateScheduler(),
): CheckpointStorage {
  checkAddress(address);
  const { jobName } = options;
  const home = isS3Address(address)
    ? new S3CheckpointStorage({ url: address, ...options }, { scheduler })
    : new FileCheckpointStorage({ directory: address, ...options }, { scheduler });
  return withOtherAddresses(home, isS3Address(address), jobName, scheduler);
}

/**
 * Keeps a job's checkpoints in S3; its savepoints may also go to a path. Needs @aws-sdk/client-s3,
 * which is loaded on first use.
 *
 * Throws OPTION_INVALID; its methods throw DRIVER_MISSING without the package.
 */
export function s3CheckpointStorage(
  options: S3CheckpointStorageOptions,
  ports: S3CheckpointStoragePorts = {},
): CheckpointStorage {
  const home = new S3CheckpointStorage(options, ports);
  return withOtherAddresses(
    home,
    true,
    options.jobName,
    ports.scheduler ?? new ImmediateScheduler(),
  );
}

function withOtherAddresses(
  home: CheckpointStorage,
  isS3: boolean,
  jobName: string,
  scheduler: Scheduler,
): CheckpointStorage {
  /** A storage takes any address of its own kind; one of the other kind is made for the call. */
  const at = (address: string): CheckpointStorage => {
    checkAddress(address);
    if (isS3Address(address) === isS3) return home;
    return isS3Address(address)
      ? new S3CheckpointStorage({ url: address, jobName }, { scheduler })
      : new FileCheckpointStorage({ directory: address, jobName }, { scheduler });
  };
  return {
    ...(home.savepointTarget === undefined ? {} : { savepointTarget: home.savepointTarget }),
    store: (data) => home.store(data),
    storeSavepoint: async (data, target) => at(target).storeSavepoint(data, target),
    list: () => home.list(),
    discard: (location) => home.discard(location),
    discardSavepoint: async (savepoint) => at(savepoint.location).discardSavepoint?.(savepoint),
    load: async (location) => at(location).load(location),
    restoreCandidates: () => home.restoreCandidates(),
  };
}
