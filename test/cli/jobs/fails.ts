import { defineJob, elements, map } from "headwater";

export default defineJob("fails", (env) => {
  env
    .fromSource(elements(1, 2, 3))
    .pipe(
      map((n) => {
        if (n === 2) throw new Error("two is too much");
        return n;
      }),
    )
    .sinkTo({ name: "nothing", createWriter: () => ({ write() {} }) });
});
