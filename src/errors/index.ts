export * from "./error-info.js";
export * from "./headwater-error.js";
export * from "./name-splits.js";
export { peerMissing } from "./peer-missing.js";
export { isSecretName, REDACTED, withoutSecrets } from "./secrets.js";
export { messageOf } from "./thrown.js";
