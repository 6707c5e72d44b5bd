export type { CollectionInput, Elements } from "./collection-input.js";
export {
  type CollectionOptions,
  type CollectionSource,
  collection,
  elements,
} from "./collection-source.js";
export type { CollectionSplit } from "./collection-split.js";
