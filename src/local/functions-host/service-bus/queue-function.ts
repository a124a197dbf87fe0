import type { ServiceBusClient, ServiceBusReceivedMessage } from '@azure/service-bus';
import type { RegisteredFunction } from '../functions-core.ts';
import type { ServiceBusSettings } from '../host-json.ts';
import { type InvocationHost, invoke } from '../invoke.ts';
import { toBatchTriggerMetadata, toRpcBodies, toRpcBody, toTriggerMetadata } from './message-data.ts';

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
  const many = options.cardinality === 'many';
  const diagnosticId = first.applicationProperties?.['Diagnostic-Id'];
  try {
    await invoke(options.invocations, {
      function: options.registered,
      triggerName: options.triggerName,
      trigger: many ? toRpcBodies(messages, options.dataType) : toRpcBody(first, options.dataType),
      triggerMetadata: many ? toBatchTriggerMetadata(messages) : toTriggerMetadata(first),
      traceParent: !many && typeof diagnosticId === 'string' ? diagnosticId : undefined,
    });
    return options.autoComplete ? 'complete' : 'none';
  } catch {
    // Logged by `invoke`.
    return 'abandon';
  }
}
