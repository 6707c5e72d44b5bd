import { type HeadwaterError, peerMissing } from "../../errors/index.js";

/** What the storage takes from @aws-sdk/client-s3: only what it exports. */
export interface S3Driver {
  readonly S3Client: typeof import("@aws-sdk/client-s3").S3Client;
  readonly PutObjectCommand: typeof import("@aws-sdk/client-s3").PutObjectCommand;
  readonly GetObjectCommand: typeof import("@aws-sdk/client-s3").GetObjectCommand;
  readonly DeleteObjectCommand: typeof import("@aws-sdk/client-s3").DeleteObjectCommand;
  readonly ListObjectsV2Command: typeof import("@aws-sdk/client-s3").ListObjectsV2Command;
}

let loading: Promise<S3Driver> | undefined;

/** Loads the optional peer on first use; throws DRIVER_MISSING with the command that installs it. */
export function loadS3Driver(): Promise<S3Driver> {
  loading ??= load().catch((cause: unknown) => {
    loading = undefined;
    throw s3DriverMissing(cause);
  });
  return loading;
}

async function load(): Promise<S3Driver> {
  const {
    S3Client,
    PutObjectCommand,
    GetObjectCommand,
    DeleteObjectCommand,
    ListObjectsV2Command,
  } = await import("@aws-sdk/client-s3");
  return {
    S3Client,
    PutObjectCommand,
    GetObjectCommand,
    DeleteObjectCommand,
    ListObjectsV2Command,
  };
}

/** The error for a peer that is not installed. */
export function s3DriverMissing(cause: unknown): HeadwaterError {
  return peerMissing("checkpoints in S3 need @aws-sdk/client-s3", "@aws-sdk/client-s3@3", cause);
}
