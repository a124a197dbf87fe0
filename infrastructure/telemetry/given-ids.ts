import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace-base';

/** Gives the next span the ids it must have, and random ones to a span that may have any. */
export class GivenIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #next: { readonly traceId: string; readonly spanId: string } | null = null;

  /** Starts a span under these ids. The tracer asks for ids before `start` returns, so no other span can take them. */
  during<T>(ids: { readonly traceId: string; readonly spanId: string } | null, start: () => T): T {
    this.#next = ids;
    try {
      return start();
    } finally {
      this.#next = null;
    }
  }

  readonly generateTraceId = (): string => this.#next?.traceId ?? this.#random.generateTraceId();
  readonly generateSpanId = (): string => this.#next?.spanId ?? this.#random.generateSpanId();
}
