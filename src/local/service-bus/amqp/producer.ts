import { randomUUID } from 'node:crypto';
import type { Delivery, Receiver } from 'rhea';
import type { IncomingMessage } from '../broker/message.ts';
import { incomingMessage } from './encode.ts';
import { settleDelivery } from './rhea-internals.ts';
import { batchMembers } from './sections.ts';

/** Service Bus's own message format for a batch: one encoded message in each data section. */
const batchFormat = 0x80013700;

/** The size the real service's Premium tier allows by default; the SDK fails on a link that names none. */
export const maxMessageBytes = 1024 * 1024;

/** A link from a client that sends: every message is stored before it is accepted. */
export function receiveInto(receiver: Receiver, store: (message: IncomingMessage) => void): void {
  receiver.on('message', (context) => {
    const { message, delivery, format } = context as unknown as { message: Buffer; delivery: Delivery; format: number };
    if (message.length > maxMessageBytes) {
      const description = `The received message (size ${message.length}) exceeds the limit of ${maxMessageBytes} bytes.`;
      settleDelivery(delivery, { condition: 'amqp:link:message-size-exceeded', description });
      return;
    }
    try {
      const encoded = format >>> 0 === batchFormat ? batchMembers(message) : [Buffer.from(message)];
      for (const one of encoded.map((bytes) => incomingMessage(bytes, newMessageId))) store(one);
      settleDelivery(delivery, 'accepted');
    } catch (error) {
      settleDelivery(delivery, { condition: 'amqp:decode-error', description: String(error) });
    }
  });
}

export function newMessageId(): string {
  return randomUUID().replaceAll('-', '');
}
