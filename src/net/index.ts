export { Connection, type ConnectionTarget } from "./connection.js";
export { addressOf, flushTimedOut } from "./connection-errors.js";
