/**
 * Word count over a socket, in windows of five seconds.
 *
 *     nc -lk 9999                                     # in another terminal: type words here
 *     npx headwater run docs/examples/03-socket-window-word-count.ts
 *
 * Event time is the time of arrival, and goes on in silence too: a window closes whether or not
 * another word comes. HOST, PORT and WINDOW (milliseconds) change the defaults.
 */
import {
  defineJob,
  flatMap,
  map,
  printSink,
  socketTextSource,
  tumblingWindow,
  watermarkGenerator,
} from "headwater";

const { HOST = "127.0.0.1", PORT = "9999", WINDOW = "5000" } = process.env;

const arrival = watermarkGenerator<string>(() => ({
  onEvent() {},
  onPeriodicEmit: (output) => output.emitWatermark(Date.now() - 1),
})).withTimestampAssigner(() => Date.now());

export default defineJob("socket-window-word-count", (env) => {
  env
    .fromSource(socketTextSource({ host: HOST, port: Number(PORT) }), arrival)
    .pipe(
      flatMap((line) => line.toLowerCase().match(/\w+/g) ?? []),
      tumblingWindow<string, string, number>({
        name: "count",
        size: Number(WINDOW),
        keyOf: (word) => word,
        aggregate: { create: () => 0, add: (count) => count + 1, merge: (a, b) => a + b },
      }),
      map(({ key, value }) => `${key}: ${value}`),
    )
    .sinkTo(printSink());
});
