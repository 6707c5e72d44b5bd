/**
 * Word count: which words does this project's documentation use most?
 *
 *     npx headwater run docs/examples/02-word-count.ts --parallelism 2
 *
 * Each Markdown file is a split; every subtask counts what it has read, and its counts are part of
 * its checkpoints. At the end of the input the sink puts the subtasks' counts together.
 */
import { fileURLToPath } from "node:url";
import { defineJob, flatMap, process, type Sink, textSource } from "headwater";

const docs = fileURLToPath(new URL("../", import.meta.url));

interface Counts {
  readonly subtask: number;
  readonly words: readonly (readonly [word: string, count: number])[];
}

const words = flatMap((line: string) => line.toLowerCase().match(/[a-z]{4,}/g) ?? []);

const countWords = process<string, Counts>({
  name: "count-words",
  create: ({ indexOfSubtask: subtask, restoredStates }) => {
    const counts = new Map<string, number>();
    const add = (word: string, count: number): void => {
      counts.set(word, (counts.get(word) ?? 0) + count);
    };
    for (const [word, count] of (restoredStates as [string, number][][]).flat()) add(word, count);
    return {
      processRecord: (word) => add(word, 1),
      processWatermark(watermark, out) {
        // The end of event time is the end of the input.
        if (watermark === Number.POSITIVE_INFINITY) out.collect({ subtask, words: [...counts] });
      },
      snapshotState: () => [...counts],
    };
  },
});

function topWords(count: number): Sink<Counts> {
  const parts = new Map<number, Counts["words"]>();
  return {
    name: "top-words",
    createWriter: ({ currentParallelism: subtasks }) => ({
      write(records) {
        // By subtask: one that starts again replaces what it had said.
        for (const { subtask, words } of records) parts.set(subtask, words);
        if (parts.size < subtasks) return;
        const total = new Map<string, number>();
        for (const [word, n] of [...parts.values()].flat()) {
          total.set(word, (total.get(word) ?? 0) + n);
        }
        const top = [...total].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, count);
        for (const [word, n] of top) console.log(`${String(n).padStart(6)}  ${word}`);
      },
    }),
  };
}

export default defineJob("word-count", (env) => {
  env
    .fromSource(textSource({ path: `${docs}*.md` }))
    .pipe(words, countWords)
    .sinkTo(topWords(10));
});
