import type { Socket } from 'node:net';
import rhea, { type Connection, type Delivery, type Receiver, type Sender, type Session } from 'rhea';

// rhea is made for clients. What a broker needs of its insides is touched in this file only; its version is pinned.

interface OutgoingInternals {
  readonly next_delivery_id: number;
  readonly next_pending_delivery: number;
  available(): number;
  transfer_window(): number;
}

interface SessionInternals {
  readonly outgoing: OutgoingInternals;
  readonly incoming: { on_transfer(frame: TransferFrame, receiver: Receiver): void };
  on_flow(frame: unknown): void;
  _write_flow(link: unknown): void;
}

interface TransferFrame {
  readonly performative: { message_format: number | undefined };
}

interface SenderInternals {
  credit: number;
  delivery_count: number;
  issue_flow: boolean;
  readonly _draining: boolean;
  _get_drain(): boolean;
  readonly connection: { _register(): void };
}

interface Attach {
  snd_settle_mode: number;
  rcv_settle_mode: number;
  max_message_size: number;
}

/** Marks an ordinary message so that rhea hands over its bytes instead of decoding them. */
const rawFormat = 0x7fff0000;

export interface SettledDelivery extends Delivery {
  remote_state?: { readonly error?: { condition?: string; info?: unknown; description?: string } } & Record<
    string,
    unknown
  >;
}

/** A connection on an accepted socket. Deliveries are settled by us, never by rhea. */
export function acceptConnection(socket: Socket): Connection {
  const container = rhea.create_container({
    idle_time_out: 60_000,
    max_frame_size: 65_536,
    sender_options: { autosettle: false, treat_modified_as_released: false },
    receiver_options: { autoaccept: false, credit_window: 500 },
  } as never);
  (
    container as unknown as { sasl_server_mechanisms: { enable_anonymous(): void } }
  ).sasl_server_mechanisms.enable_anonymous();
  const connection = container.create_connection({} as never) as Connection & { accept(socket: Socket): void };
  connection.accept(socket);
  writeTogether(connection, socket);
  return connection;
}

/** rhea writes each frame by itself; what it has to say in one go, e.g. a message each for many, is one write. */
function writeTogether(connection: Connection, socket: Socket): void {
  const internals = connection as unknown as { _process(): void };
  const process = internals._process;
  internals._process = () => {
    socket.cork();
    try {
      process.call(connection);
    } finally {
      socket.uncork();
    }
  };
}

/** Makes the session give raw messages, and tells of every flow frame, also those that name no link. */
export function prepareSession(session: Session, onFlow: () => void): void {
  const internals = session as unknown as SessionInternals;
  const { incoming } = internals;
  const transfer = incoming.on_transfer;
  incoming.on_transfer = (frame, receiver) => {
    if (!frame.performative.message_format) frame.performative.message_format = rawFormat;
    transfer.call(incoming, frame, receiver);
  };
  const flow = internals.on_flow;
  internals.on_flow = (frame) => {
    flow.call(session, frame);
    onFlow();
  };
}

/** A flow that only repeats what is known: without an answer the client's next small frame waits 40 ms for a delayed ACK. */
export function answerFlow(sender: Sender): void {
  (sender.session as unknown as SessionInternals)._write_flow(sender);
}

/** How many messages may be handed to the link now so that none waits in the session for credit or window. */
export function sendable(sender: Sender): number {
  const { outgoing } = sender.session as unknown as SessionInternals;
  const unsent = outgoing.next_delivery_id - outgoing.next_pending_delivery;
  const credit = (sender as unknown as SenderInternals).credit - unsent;
  return Math.max(0, Math.min(credit, outgoing.available(), outgoing.transfer_window() - unsent));
}

export function isDraining(sender: Sender): boolean {
  return Boolean((sender as unknown as SenderInternals)._draining);
}

/** Uses up the link's credit and says so, also when none is left: a client that asked for it waits for the answer. */
export function answerDrain(sender: Sender): void {
  const internals = sender as unknown as SenderInternals;
  internals._get_drain = () => {
    if (!internals._draining) return false;
    internals.delivery_count += internals.credit;
    internals.credit = 0;
    return true;
  };
  internals.issue_flow = true;
  internals.connection._register();
}

/** Our side of the attach; written to the wire after the open handler returns. */
export function localAttach(link: Sender | Receiver): Attach {
  return (link as unknown as { local: { attach: Attach } }).local.attach;
}

/** What a delivery's settlement is answered with: the outcome that was applied, or an error. */
export type Outcome =
  | 'accepted'
  | 'released'
  | 'modified'
  | 'rejected'
  | { readonly condition: string; readonly description: string };

/** Answers a client's disposition; in mode "second" the client sends no more, so the slot is free with this. */
export function settleDelivery(delivery: Delivery, outcome: Outcome): void {
  const states = rhea.message as unknown as Record<string, (fields: object) => { described(): unknown }>;
  const state = typeof outcome === 'string' ? states[outcome]?.({}) : states.rejected?.({ error: outcome });
  (delivery as unknown as { update(settled: boolean, state: unknown): void }).update(true, state?.described());
  (delivery as unknown as { remote_settled: boolean }).remote_settled = true;
}

/** Encodes one AMQP value; wrap it with rhea's types where the type matters. */
export function encodeValue(value: unknown): Buffer {
  const types = rhea.types as unknown as {
    Writer: new () => { write(value: unknown): void; toBuffer(): Buffer };
    wrap(value: unknown): unknown;
  };
  const writer = new types.Writer();
  const plain = typeof value !== 'object' || value === null;
  writer.write(plain ? types.wrap(value) : value);
  return writer.toBuffer();
}
