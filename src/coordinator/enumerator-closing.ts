import { illegalState } from "../errors/index.js";
import type { CoordinatorHost } from "./coordinator-host.js";

/** Milliseconds after which an enumerator that does not end is given up. */
const CLOSE_TIMEOUT = 30_000;

/**
 * Closes an enumerator and says in a later event of the loop how that went: undefined when it is
 * closed, otherwise the error. An enumerator that ends after it was given up is heard of again.
 */
export function closeEnumerator(
  host: Pick<CoordinatorHost, "clock" | "runInLoop">,
  enumerator: { close(): void | Promise<void> } | undefined,
  onClosed: (error: unknown) => void,
): void {
  const finish = (error: unknown): void => host.runInLoop(() => onClosed(error));
  let closing: void | Promise<void>;
  try {
    closing = enumerator?.close();
  } catch (error) {
    finish(error);
    return;
  }
  if (closing === undefined) {
    finish(undefined);
    return;
  }
  const cancel = host.clock.schedule(CLOSE_TIMEOUT, () =>
    finish(illegalState(`the enumerator has not closed within ${CLOSE_TIMEOUT} ms`)),
  );
  Promise.resolve(closing)
    .finally(cancel)
    .then(
      () => finish(undefined),
      (error) => finish(error ?? illegalState("closing failed without a reason")),
    )
    // A full mailbox: nobody is left to tell, and a rejection would end the process.
    .catch(() => {});
}
