import { encoded } from "../../support/kafka/simulated-batches.js";
import type { SimulatedKafka } from "../../support/kafka/simulated-kafka.js";
import type { Dice } from "../dice.js";
import { recordOf, timestampOf } from "../log.js";
import type { PlannedSplit } from "../plan.js";

export const INPUT = "in";

/** A number that no split has: whoever writes it has read what is not to be read. */
const GARBAGE = 9_900_000;
/** Producers of the input, far from those that the cluster names. */
const FIRST_PRODUCER = 1_000_000;

interface InputStep {
  readonly at: number;
  run(kafka: SimulatedKafka): void;
}

/** How one partition of the input comes to be, and how long it is then. */
export interface PartitionInput {
  readonly steps: readonly InputStep[];
  readonly end: number;
}

/**
 * A split as a partition: plain batches, committed and aborted transactions, batches that compaction
 * has thinned out, and transactions that stay open for a while and hold the readers back.
 */
export function inputOf(
  dice: Dice,
  partition: number,
  { records, appearsAt }: PlannedSplit,
): PartitionInput {
  const steps: InputStep[] = [];
  let [at, end, transactions] = [appearsAt, 0, 0];
  const step = (offsets: number, run: InputStep["run"]): void => {
    steps.push({ at, run });
    end += offsets;
  };
  const transaction = (values: readonly ReturnType<typeof recordWith>[], commit: boolean): void => {
    const producer = {
      producerId: FIRST_PRODUCER + partition * 1000 + transactions++,
      producerEpoch: 0,
    };
    step(values.length, (kafka) => kafka.appendTransactional(INPUT, partition, producer, values));
    if (dice.chance(0.3)) at += dice.int(1, 60);
    step(1, (kafka) => kafka.endTransaction(INPUT, partition, producer, commit));
  };
  const garbage = (): ReturnType<typeof recordWith>[] =>
    dice.times(dice.int(1, 2), () => recordWith(GARBAGE, 0));
  for (let place = 0; place < records; ) {
    const numbers = dice.times(Math.min(dice.int(1, 3), records - place), (i) =>
      recordOf(partition, place + i),
    );
    place += numbers.length;
    const values = numbers.map((n) => recordWith(n, timestampOf(n)));
    if (dice.chance(0.2)) transaction(garbage(), false);
    const kind = dice.int(0, 3);
    if (kind === 0) transaction(values, true);
    else if (kind > 1) step(values.length, (kafka) => kafka.append(INPUT, partition, values));
    else {
      const [before, behind] = [garbage(), garbage()];
      const first = end + before.length;
      const all = [...before, ...values, ...behind];
      step(all.length, (kafka) => {
        const [from, last] = [first - before.length, first + values.length];
        const log = kafka.partition(INPUT, partition);
        // No long poll may look in between.
        log.append(encoded(all));
        log.compact((offset) => offset < from || (offset >= first && offset < last), true);
        kafka.changed();
      });
    }
    if (dice.chance(0.5)) at += dice.int(1, 80);
  }
  return { steps, end };
}

function recordWith(value: number, timestamp: number) {
  return { value: String(value), timestamp };
}
