import { TransactionalStore, transactionalStoreSink } from "../../../src/testing/external/index.js";
import { testSink } from "../../../src/testing/sink/index.js";

/** A store that can be made to wait. */
function storeTarget() {
  const store = new TransactionalStore<number>();
  return {
    store,
    visible: () => store.committed,
    hold() {
      let release = (): void => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      store.fault = () => held;
      return release;
    },
  };
}

for (const delivery of ["exactly-once", "at-least-once"] as const) {
  testSink(`transactionalStoreSink, ${delivery}`, {
    time: "virtual",
    delivery,
    record: (n) => n,
    externalSystem: { create: storeTarget },
    sink: ({ store }) => transactionalStoreSink(store, { delivery }),
  });
}
