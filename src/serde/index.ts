export * from "./json-serializer.js";
export * from "./split-serde.js";
