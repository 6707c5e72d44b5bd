export { errorFields, JobLog, splitFields } from "./job-log.js";
export { redactFields, redactText } from "./redact.js";
