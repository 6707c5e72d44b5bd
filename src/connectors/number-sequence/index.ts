export type { NumberSequenceSplit } from "../../enumerator/number-sequence-split.js";
export { type NumberSequenceOptions, numberSequenceSource } from "./number-sequence-source.js";
