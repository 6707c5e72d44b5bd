export type { S3CheckpointStorageOptions } from "./s3-checkpoint-storage.js";
export type { S3Credentials, S3CredentialsInput } from "./s3-objects.js";
