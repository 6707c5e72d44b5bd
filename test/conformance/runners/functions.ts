import {
  kafkaPartitionSplit,
  kafkaSplitSerializer,
} from "../../../src/connectors/kafka/source/kafka-split.js";
import { splitOwner } from "../../../src/connectors/kafka/source/split-owner.js";
import { splitNumberRange } from "../../../src/enumerator/index.js";
import type { Runner, Step, StepTrace } from "../protocol.js";

/** How Flink shows a split that has no stopping offset. */
const LONG_MIN = -(2n ** 63n);

/** Functions without a state. */
export class FunctionRunner implements Runner {
  step(op: string, step: Step, out: StepTrace): void {
    switch (op) {
      case "kafkaOwner": {
        const { topic, partition, readers } = step;
        Object.assign(out, { topic, partition, readers });
        out.owner = splitOwner({ topic, partition }, readers);
        return;
      }
      case "numSeqSplits":
        out.splits = splitNumberRange(step.from, step.to, step.n).map(
          ({ splitId, from, to }) => `${splitId}:${from}..${to}`,
        );
        return;
      case "kafkaSplitSerde": {
        const split = kafkaPartitionSplit(
          { topic: step.topic, partition: step.partition },
          step.start,
          step.stop,
        );
        const bytes = kafkaSplitSerializer.serialize(split);
        const restored = kafkaSplitSerializer.deserialize(kafkaSplitSerializer.version, bytes);
        out.splitId = restored.splitId;
        out.version = kafkaSplitSerializer.version;
        out.hex = Buffer.from(bytes).toString("hex");
        const stop = restored.stoppingOffset ?? LONG_MIN;
        const shown = `[Partition: ${restored.splitId}, StartingOffset: ${restored.startingOffset}, StoppingOffset: ${stop}]`;
        Object.assign(out, { toString: shown });
        return;
      }
      default:
        throw new Error(`unknown op ${op}`);
    }
  }

  after(): void {}
}
