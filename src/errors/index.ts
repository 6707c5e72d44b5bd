export * from "./error-info.js";
export * from "./headwater-error.js";
export * from "./name-splits.js";
export { messageOf } from "./thrown.js";
