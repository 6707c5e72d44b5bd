import { join } from "node:path";
import { CACHE } from "./kafka-jars.js";

/** A file with the port that the keeper of the shared broker listens on; it goes with the keeper. */
export const KEEPER_ADDRESS = join(CACHE, "shared-kafka.port");
