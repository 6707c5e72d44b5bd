import { register } from "node:module";

// For `node --import`: the framework's classes report to the census.
register("./census-hooks.js", import.meta.url);
