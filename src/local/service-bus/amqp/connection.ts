import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Connection, Receiver, Sender, Session } from 'rhea';
import type { Broker } from '../broker/broker.ts';
import { answerPutToken } from './cbs.ts';
import { Consumer } from './consumer.ts';
import { answerManagement } from './management.ts';
import { maxMessageBytes, receiveInto } from './producer.ts';
import { RequestLinks } from './requests.ts';
import { acceptConnection, localAttach, prepareSession } from './rhea-internals.ts';

const managementSuffix = '/$management';

/** One client's AMQP connection: its links are bound to queues, $cbs and $management by their addresses. */
export class AmqpConnection {
  readonly id = randomUUID();
  readonly #broker: Broker;
  readonly #connection: Connection;
  readonly #requests = new RequestLinks();
  readonly #consumers = new Set<Consumer>();
  readonly #socket: Socket;
  #lost = false;

  constructor(socket: Socket, broker: Broker, onLost: (connection: AmqpConnection) => void) {
    this.#broker = broker;
    this.#socket = socket;
    this.#connection = acceptConnection(socket);
    const lose = () => {
      if (this.#lost) return;
      this.#lost = true;
      for (const consumer of this.#consumers) consumer.close();
      broker.connectionLost(this.id);
      onLost(this);
    };
    // rhea listens to the socket's end and error, not to its close.
    socket.once('close', lose);
    const on = (event: string, handle: (context: never) => void) =>
      this.#connection.on(event as never, handle as never);
    on('session_open', ({ session }: { session: Session }) => prepareSession(session, () => this.#onFlow()));
    on('sender_open', ({ sender }: { sender: Sender }) => this.#openSender(sender));
    on('receiver_open', ({ receiver }: { receiver: Receiver }) => this.#openReceiver(receiver));
    for (const event of ['disconnected', 'connection_close']) on(event, lose);
    for (const event of [
      'connection_error',
      'session_error',
      'sender_error',
      'receiver_error',
      'protocol_error',
      'error',
    ])
      on(event, () => {});
  }

  consumersOf(name: string): Consumer[] {
    return [...this.#consumers].filter((consumer) => consumer.open && consumer.queue.name === name);
  }

  /** Cuts the connection as a broken network does. */
  cut(): void {
    // rhea clears its heartbeat timers on an error of the socket, not on its close.
    this.#socket.destroy(new Error('cut'));
  }

  close(): void {
    this.#connection.close();
    this.#socket.end();
  }

  /** A flow without a link widens the session's window: what waited for it may go now. */
  #onFlow(): void {
    for (const consumer of this.#consumers) if (consumer.open) consumer.pump();
  }

  /** The client receives: replies, or a queue's messages. */
  #openSender(sender: Sender): void {
    const remote = sender as unknown as {
      target?: { address?: string };
      source?: { address?: string };
      snd_settle_mode?: number;
      rcv_settle_mode?: number;
    };
    const address = remote.source?.address ?? '';
    const attach = localAttach(sender);
    attach.snd_settle_mode = remote.snd_settle_mode ?? 2;
    attach.rcv_settle_mode = remote.rcv_settle_mode ?? 0;
    // Clients in Python take an attach without both ends for a refusal.
    sender.set_source({ address });
    sender.set_target({ address: remote.target?.address ?? '' } as never);
    if (isRequestAddress(address)) {
      this.#requests.addReplyLink(sender, address);
      return;
    }
    const queue = this.#broker.find(address);
    if (!queue) {
      refuse(sender, address);
      return;
    }
    const consumer = new Consumer(queue, sender, this.id, remote.snd_settle_mode === 1);
    this.#consumers.add(consumer);
    sender.on('sender_close', () => this.#consumers.delete(consumer));
  }

  /** The client sends: requests, or messages for a queue. */
  #openReceiver(receiver: Receiver): void {
    const remote = receiver as unknown as { source?: { address?: string }; target?: { address?: string } };
    const address = remote.target?.address ?? '';
    localAttach(receiver).max_message_size = maxMessageBytes;
    receiver.set_target({ address } as never);
    receiver.set_source({ address: remote.source?.address ?? '' });
    if (address === '$cbs') {
      this.#requests.serve(receiver, address, (request) => answerPutToken(request, this.#broker.key, this.#broker.now));
      return;
    }
    const managed = address.toLowerCase().endsWith(managementSuffix);
    const queue = this.#broker.find(managed ? address.slice(0, -managementSuffix.length) : address);
    if (!queue) {
      refuse(receiver, address);
      return;
    }
    if (managed) this.#requests.serve(receiver, address, (request) => answerManagement(queue, request, this.id));
    else receiveInto(receiver, (message) => this.#broker.accept(queue, message));
  }
}

function isRequestAddress(address: string): boolean {
  return address === '$cbs' || address.toLowerCase().endsWith(managementSuffix);
}

/** The SDK tells an unknown entity by this text; the condition alone would be "communication problem". */
function refuse(link: Sender | Receiver, address: string): void {
  const description = `The messaging entity '${address}' could not be found.`;
  link.close({ condition: 'amqp:not-found', description } as never);
}
