export type { GenerateFunction } from "./data-generator-reader.js";
export { type DataGeneratorOptions, dataGenerator } from "./data-generator-source.js";
