import rhea, { type Receiver, type Sender } from 'rhea';
import { settleDelivery } from './rhea-internals.ts';

export interface Request {
  readonly messageId: unknown;
  readonly replyTo: string;
  readonly applicationProperties: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export interface Reply {
  readonly applicationProperties: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

/** Requests over a pair of links ($cbs, $management): each gets its reply on the link that it names. */
export class RequestLinks {
  readonly #replyLinks = new Map<string, Sender>();
  readonly #lastLink = new Map<string, Sender>();

  /** A client's link for replies is found by its name, by its target address, or by the node it listens to. */
  addReplyLink(sender: Sender, node: string): void {
    const target = (sender as unknown as { target?: { address?: string } }).target?.address;
    for (const name of [sender.name, target]) if (name) this.#replyLinks.set(name, sender);
    this.#lastLink.set(node.toLowerCase(), sender);
  }

  /** `node`: the address the requests are sent to. */
  serve(receiver: Receiver, node: string, answer: (request: Request) => Reply): void {
    receiver.on('message', (context) => {
      const { message, delivery } = context as unknown as { message: Buffer; delivery: never };
      settleDelivery(delivery, 'accepted');
      const decoded = (rhea.message as unknown as { decode(buffer: Buffer): Record<string, unknown> }).decode(message);
      const replyTo = String(decoded.reply_to ?? '');
      const reply = answer({
        messageId: decoded.message_id,
        replyTo,
        applicationProperties: (decoded.application_properties ?? {}) as Readonly<Record<string, unknown>>,
        body: decoded.body,
      });
      // Python's client names no link to reply to: it means the one it opened to the same node.
      this.#send(this.#replyLinks.get(replyTo) ?? this.#lastLink.get(node.toLowerCase()), decoded.message_id, reply);
    });
  }

  #send(link: Sender | undefined, correlationId: unknown, reply: Reply): void {
    if (!link) return;
    const delivery = link.send({
      correlation_id: correlationId,
      application_properties: reply.applicationProperties,
      body: reply.body ?? '',
    } as never);
    // Pre-settled: an unsettled reply would take a slot of the session for ever.
    (delivery as unknown as { settled: boolean }).settled = true;
  }
}
