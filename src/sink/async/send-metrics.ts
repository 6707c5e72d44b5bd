import type { Counter, MetricGroup } from "../../api/metrics.js";

/** What a writer counts; names are Flink's where it has one (`SinkWriterMetricGroup`). */
export class SendMetrics {
  readonly #numRecordsSend: Counter;
  readonly #numBytesSend: Counter;
  readonly #numRecordsSendErrors: Counter;
  #currentSendTime = 0;

  constructor(
    group: MetricGroup,
    sizes: { readonly buffered: () => number; readonly inFlight: () => number },
  ) {
    this.#numRecordsSend = group.counter("numRecordsSend");
    this.#numBytesSend = group.counter("numBytesSend");
    this.#numRecordsSendErrors = group.counter("numRecordsSendErrors");
    group.gauge("currentSendTime", () => this.#currentSendTime);
    group.gauge("numBufferedRequests", sizes.buffered);
    group.gauge("numInFlightRequests", sizes.inFlight);
  }

  sent(records: number, bytes: number): void {
    this.#numRecordsSend.inc(records);
    this.#numBytesSend.inc(bytes);
  }

  answered(ms: number): void {
    this.#currentSendTime = ms;
  }

  failed(records: number): void {
    if (records > 0) this.#numRecordsSendErrors.inc(records);
  }
}
