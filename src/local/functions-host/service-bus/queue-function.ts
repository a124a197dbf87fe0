import { randomUUID } from 'node:crypto';
import type { ServiceBusClient, ServiceBusReceivedMessage } from '@azure/service-bus';
import type { RegisteredFunction } from '../functions-core.ts';
import type { ServiceBusSettings } from '../host-json.ts';
import { coreContext, type InvocationHost, runInvocation } from '../invoke.ts';
import { batchMetadataOf, bodyOf, metadataOf } from './message-data.ts';
import { type MessageCall, MessageModel } from './message-model.ts';

export interface QueueFunction {
  readonly functionName: string;
  readonly registered: RegisteredFunction;
  readonly triggerName: string;
  readonly queueName: string;
  readonly cardinality: 'one' | 'many';
  readonly dataType: unknown;
  readonly autoComplete: boolean;
  readonly client: ServiceBusClient;
  readonly settings: ServiceBusSettings;
  /** How long a settlement may take before its link is taken for dead. */
  readonly settleLimitMs: number;
  readonly invocations: InvocationHost;
}

/**
 * Runs the function for one message, or for a batch, and says how to settle: a failure of any kind is abandoned at once, and
 * a success is completed, or left alone (`none`) when the app wants that.
 */
export async function runQueueFunction(
  options: QueueFunction,
  messages: readonly ServiceBusReceivedMessage[],
): Promise<'complete' | 'abandon' | 'none'> {
  const [first] = messages;
  if (!first) return 'none';
  const diagnosticId = first.applicationProperties?.['Diagnostic-Id'];
  const { invocations, registered } = options;
  try {
    const core = coreContext(invocations.log, registered.metadata, randomUUID(), {
      inputData: [],
      traceParent: options.cardinality === 'one' && typeof diagnosticId === 'string' ? diagnosticId : undefined,
    });
    const call = callOf(options, first, messages);
    await runInvocation(invocations, core, registered.callback, () => new MessageModel(core, call));
    return options.autoComplete ? 'complete' : 'none';
  } catch {
    // Logged by `runInvocation`.
    return 'abandon';
  }
}

function callOf(
  { cardinality, dataType }: QueueFunction,
  first: ServiceBusReceivedMessage,
  messages: readonly ServiceBusReceivedMessage[],
): MessageCall {
  if (cardinality === 'one') return { body: bodyOf(first, dataType), metadata: metadataOf(first) };
  return { body: messages.map((message) => bodyOf(message, dataType)), metadata: batchMetadataOf(messages) };
}
