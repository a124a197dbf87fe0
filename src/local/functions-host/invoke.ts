import { randomUUID } from 'node:crypto';
import { getProgrammingModel, hooksFor, type RegisteredFunction } from './functions-core.ts';
import { describeError, type HostLog, hostLine, type LogLevel } from './log.ts';
import type {
  CoreInvocationContext,
  FunctionCallback,
  InvocationModel,
  InvocationRequest,
  InvocationResponse,
  RpcTypedData,
} from './rpc-types.ts';
import type { RunningInvocations } from './running-invocations.ts';

export interface InvocationHost {
  readonly log: HostLog;
  readonly running: RunningInvocations;
}

export interface Invocation {
  readonly function: RegisteredFunction;
  readonly triggerName: string;
  readonly trigger: RpcTypedData;
  readonly triggerMetadata?: Readonly<Record<string, RpcTypedData>>;
  /** W3C trace parent of the caller, when it sent one. */
  readonly traceParent?: string | undefined;
  readonly invocationId?: string;
}

export interface InvocationOutcome {
  readonly response: InvocationResponse;
  /** What the function returned, before conversion. */
  readonly result: unknown;
}

/**
 * Runs one function through the library's own invocation model, with its hooks, in the order of the Node worker. Throws
 * what the function threw, InvocationTimeoutError or InvocationAbortedError; the failure is logged here.
 */
export async function invoke(host: InvocationHost, invocation: Invocation): Promise<InvocationOutcome> {
  const context = coreContext(host.log, invocation);
  const { name } = invocation.function.metadata;
  const started = performance.now();
  const took = () => `Duration=${Math.round(performance.now() - started)}ms`;
  const line = (level: LogLevel, message: string) =>
    host.log({ level, category: 'host', message, functionName: name, invocationId: context.invocationId });
  line('debug', `Executing '${name}'`);
  let givenUp = false;
  const work = execute(context, invocation.function.callback);
  work.catch((error: unknown) => {
    if (givenUp) line('warning', `'${name}' failed after the host had given up on it: ${describeError(error)}`);
  });
  try {
    const outcome = await host.running.run(() => work);
    line('debug', `Executed '${name}' (Succeeded, ${took()})`);
    return outcome;
  } catch (error) {
    givenUp = true;
    line('error', `Executed '${name}' (Failed, ${took()}): ${describeError(error)}`);
    throw error;
  }
}

async function execute(core: CoreInvocationContext, registered: FunctionCallback): Promise<InvocationOutcome> {
  const model = await invocationModel(core);
  const { context, inputs } = await model.getArguments();
  const hookData = {};
  const before = { hookData, invocationContext: context, inputs, functionCallback: registered };
  core.state = 'preInvocationHooks';
  await runHooks('preInvocation', before);

  const after = {
    hookData,
    invocationContext: context,
    inputs: before.inputs,
    result: null as unknown,
    error: null as unknown,
  };
  core.state = 'invocation';
  try {
    after.result = await model.invokeFunction(context, before.inputs, before.functionCallback);
  } catch (error) {
    after.error = error ?? new Error('The function threw nothing.');
  }
  core.state = 'postInvocationHooks';
  await runHooks('postInvocation', after);
  core.state = undefined;
  if (after.error !== null && after.error !== undefined) throw after.error;
  return { response: await model.getResponse(context, after.result), result: after.result };
}

/** Hooks run in the order of their registration; one that throws fails what it belongs to, as in Azure. */
export async function runHooks(
  name: 'preInvocation' | 'postInvocation' | 'appStart' | 'appTerminate',
  context: object,
): Promise<void> {
  for (const hook of hooksFor(name)) await hook(context as Record<string, unknown>);
}

async function invocationModel(core: CoreInvocationContext): Promise<InvocationModel> {
  const model = getProgrammingModel();
  if (!model) throw new Error('@azure/functions has registered no programming model.');
  return model.getInvocationModel(core);
}

function coreContext(log: HostLog, invocation: Invocation): CoreInvocationContext {
  const { metadata } = invocation.function;
  const invocationId = invocation.invocationId ?? randomUUID();
  const request: InvocationRequest = {
    invocationId,
    functionId: metadata.name,
    inputData: [{ name: invocation.triggerName, data: invocation.trigger }],
    triggerMetadata: invocation.triggerMetadata ?? null,
    traceContext: { traceParent: invocation.traceParent ?? newTraceParent(invocationId) },
  };
  return {
    invocationId,
    request,
    metadata,
    log(level, category, message) {
      writeFunctionLog(log, { level: level as LogLevel, category, message, functionName: metadata.name, invocationId });
    },
  };
}

function writeFunctionLog(
  log: HostLog,
  entry: { level: LogLevel; category: string; message: string; functionName: string; invocationId: string },
): void {
  const context = { hookData: {}, level: entry.level, message: entry.message, category: entry.category };
  for (const hook of hooksFor('log')) {
    try {
      hook(context);
    } catch (error) {
      hostLine(log, 'warning', `A log hook threw: ${describeError(error)}`, entry.functionName);
    }
  }
  if (context.level === 'none') return;
  const { functionName, invocationId } = entry;
  const category = entry.category === 'user' ? 'user' : 'system';
  log({ level: context.level, category, message: context.message, functionName, invocationId });
}

/** A trace of its own for each invocation, named after it. */
function newTraceParent(invocationId: string): string {
  const trace = invocationId.replaceAll('-', '');
  return `00-${trace}-${trace.slice(16)}-00`;
}
