import type { Unsubscribable } from "rxjs";
import type { SourceSplit } from "../api/source-split.js";
import type { SourceOperator } from "../operator/index.js";
import type { SinkFeed } from "./sink-feed.js";
import type { SubtaskWriters } from "./subtask-writers.js";

/** What an attempt holds, as far as it came. */
export interface AttemptParts {
  readonly operator: SourceOperator<unknown, SourceSplit> | undefined;
  readonly subscription: Unsubscribable | undefined;
  readonly feed: SinkFeed | undefined;
  readonly writers: SubtaskWriters;
}

/**
 * Closes all parts of an attempt, each whatever the others throw, the writers last; rejects with the
 * first failure when nothing runs any more.
 */
export async function releaseAttempt(parts: AttemptParts, hasFinished: boolean): Promise<void> {
  const { operator, subscription, feed, writers } = parts;
  const closeOperator = async (): Promise<void> => {
    if (hasFinished) operator?.finish();
    await operator?.close();
  };
  const closing = [
    (async () => subscription?.unsubscribe())(),
    (async () => feed?.close())(),
    closeOperator(),
  ];
  const closed = await Promise.allSettled(closing);
  const [closedWriters] = await Promise.allSettled([writers.close()]);
  const failed = [...closed, closedWriters].find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
