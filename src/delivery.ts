import type { Delivery } from '../core/poison.ts';
import type { MessageContext } from './queue-age.ts';

/** What the Service Bus trigger says about a message. A value of another kind than documented counts as missing. */
export function deliveryOf({ triggerMetadata = {} }: MessageContext): Delivery {
  const { messageId, deliveryCount, enqueuedTimeUtc } = triggerMetadata;
  const enqueuedAt = new Date(typeof enqueuedTimeUtc === 'string' ? enqueuedTimeUtc : Number.NaN);
  return {
    ...(typeof messageId === 'string' && { messageId }),
    ...(typeof deliveryCount === 'number' && { deliveryCount }),
    ...(!Number.isNaN(enqueuedAt.getTime()) && { enqueuedAt }),
  };
}
