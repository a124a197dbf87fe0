/** A message's sections as they came off the wire; null for a section that was not there. */
export interface MessageSections {
  readonly annotations: Buffer | null;
  readonly properties: Buffer | null;
  readonly applicationProperties: Buffer | null;
  /** Data, sequence or value sections and the footer, untouched. */
  readonly body: Buffer;
}

/** What a sender gives. Times are ms since the epoch. */
export interface IncomingMessage {
  readonly messageId: string;
  readonly sections: MessageSections;
  readonly timeToLiveMs: number | null;
  readonly scheduledAt: number | null;
}

export type MessageState = 'active' | 'deferred' | 'scheduled';

/** A message in a queue. */
export interface BrokerMessage {
  readonly sequence: number;
  readonly messageId: string;
  sections: MessageSections;
  enqueuedAt: number;
  expiresAt: number | null;
  scheduledAt: number | null;
  state: MessageState;
  /** Failed deliveries so far. */
  deliveryCount: number;
  /** The queue it was in before it was dead-lettered. */
  deadLetterSource: string | null;
}

/** The right to settle one delivery. */
export interface Lock {
  /** 32 hexadecimal digits. */
  readonly token: string;
  readonly message: BrokerMessage;
  /** Which connection holds it. */
  readonly owner: string;
  lockedUntil: number;
}

/** Application properties to add or replace, as plain values. */
export type PropertyChanges = Readonly<Record<string, unknown>>;
