import { format } from 'node:util';
import type {
  EffectiveFunctionOptions,
  FunctionTrigger,
  InvocationContext,
  LogLevel,
  TraceContext,
  TriggerMetadata,
} from '@azure/functions';
import type {
  CoreInvocationContext,
  FunctionCallback,
  FunctionMetadata,
  InvocationModel,
  InvocationResponse,
} from '../rpc-types.ts';

/** What a function is called with for a message or a batch. */
export interface MessageCall {
  readonly body: unknown;
  readonly metadata: Record<string, unknown>;
}

/**
 * The library's invocation model for functions whose only binding is their trigger, made without it. The library keeps
 * every invocation in nine weak maps and sets; minor garbage collections take what lies in those for alive, so that it was
 * copied into the old generation: a quarter of a worker’s processor time. A test compares what functions see with the
 * library's own.
 */
export class MessageModel implements InvocationModel {
  readonly #core: CoreInvocationContext;
  readonly #call: MessageCall;
  #ended = false;

  constructor(core: CoreInvocationContext, call: MessageCall) {
    this.#core = core;
    this.#call = call;
  }

  getArguments(): { context: InvocationContext; inputs: unknown[] } {
    const log = (level: LogLevel, values: unknown[]) => this.#log(level, values);
    return { context: new MessageContext(this.#core, this.#call.metadata, log), inputs: [this.#call.body] };
  }

  async invokeFunction(context: unknown, inputs: unknown[], callback: FunctionCallback): Promise<unknown> {
    try {
      return await callback(...inputs, context);
    } finally {
      this.#ended = true;
    }
  }

  /** A message has no answer. */
  getResponse(): InvocationResponse {
    return { invocationId: this.#core.invocationId };
  }

  #log(level: LogLevel, values: unknown[]): void {
    const { state, invocationId, metadata } = this.#core;
    if (this.#ended && state !== 'postInvocationHooks') {
      const text = `The context of ${metadata.name} was used for a log after the function had ended; is something not awaited? Invocation ${invocationId}`;
      this.#core.log('warning', 'system', text);
    }
    this.#core.log(level, 'user', format(...values));
  }
}

class MessageContext implements InvocationContext {
  readonly invocationId: string;
  readonly functionName: string;
  readonly extraInputs = new Extras();
  readonly extraOutputs = new Extras();
  readonly traceContext: TraceContext;
  readonly triggerMetadata: TriggerMetadata;
  readonly options: EffectiveFunctionOptions;
  readonly #log: (level: LogLevel, values: unknown[]) => void;

  constructor(
    { invocationId, metadata, request }: CoreInvocationContext,
    triggerMetadata: TriggerMetadata,
    log: (level: LogLevel, values: unknown[]) => void,
  ) {
    this.invocationId = invocationId;
    this.functionName = metadata.name;
    this.traceContext = request.traceContext;
    this.triggerMetadata = triggerMetadata;
    this.options = { trigger: triggerOf(metadata), extraInputs: [], extraOutputs: [] };
    this.#log = log;
  }

  log(...values: unknown[]): void {
    this.#log('information', values);
  }

  trace(...values: unknown[]): void {
    this.#log('trace', values);
  }

  debug(...values: unknown[]): void {
    this.#log('debug', values);
  }

  info(...values: unknown[]): void {
    this.#log('information', values);
  }

  warn(...values: unknown[]): void {
    this.#log('warning', values);
  }

  error(...values: unknown[]): void {
    this.#log('error', values);
  }
}

/** Hooks and the function may leave values for each other here; the host makes nothing of them. */
class Extras {
  readonly #values: Record<string, unknown> = {};

  get(inputOrName: string | { readonly name: string }): unknown {
    return this.#values[nameOf(inputOrName)];
  }

  set(inputOrName: string | { readonly name: string }, value: unknown): void {
    this.#values[nameOf(inputOrName)] = value;
  }
}

function nameOf(given: string | { readonly name: string }): string {
  return typeof given === 'string' ? given : given.name;
}

/** Functions of this host have one binding: the others are refused at the start. */
function triggerOf({ bindings }: FunctionMetadata): FunctionTrigger {
  const [name = '', binding] = Object.entries(bindings)[0] ?? [];
  return { ...binding, type: String(binding?.type), name };
}
