import { testLifecycle } from "headwater/testing";
import { splitFetcher } from "./systems/split-fetcher.js";

testLifecycle(splitFetcher.machine, splitFetcher.systemUnderTest, {
  ...splitFetcher.options,
  name: "split-fetcher",
});
