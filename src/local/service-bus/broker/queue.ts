import { randomUUID } from 'node:crypto';
import { Heap } from './heap.ts';
import type { BrokerMessage, IncomingMessage, Lock, MessageSections, PropertyChanges } from './message.ts';

export interface QueueDefinition {
  readonly name: string;
  readonly lockDurationMs: number;
  /** Failed deliveries after which a message is dead-lettered. */
  readonly maxDeliveryCount: number;
  /** Equal message ids within this time are accepted and dropped; null: no detection. */
  readonly duplicateDetectionWindowMs: number | null;
  readonly defaultTtlMs: number | null;
  readonly deadLetterOnExpiry: boolean;
}

export interface QueueCounts {
  readonly active: number;
  readonly deadLettered: number;
  readonly scheduled: number;
  readonly total: number;
}

/** What the queue needs of the world outside its rules. */
export interface QueueContext {
  readonly now: () => number;
  /** Merges changes into encoded application properties; the queue itself never looks into a message. */
  readonly mergeProperties: (sections: MessageSections, changes: PropertyChanges) => MessageSections;
  /** Told of everything that must survive a restart. */
  readonly record: (change: QueueChange) => void;
  /** Called when a message may have become ready. */
  readonly ready: (queue: Queue) => void;
}

export type QueueChange =
  | { readonly kind: 'put'; readonly queue: string; readonly message: BrokerMessage }
  | { readonly kind: 'remove'; readonly queue: string; readonly sequence: number }
  | { readonly kind: 'seen'; readonly queue: string; readonly messageId: string; readonly at: number };

/** The rules of one queue: order by sequence number, locks, delivery count, dead letters, schedule, duplicates. */
export class Queue {
  readonly definition: QueueDefinition;
  /** Null for a dead-letter queue itself. */
  readonly deadLetters: Queue | null;
  readonly #context: QueueContext;
  readonly #messages = new Map<number, BrokerMessage>();
  readonly #ready = new Heap<BrokerMessage>((message) => message.sequence);
  readonly #scheduled = new Heap<BrokerMessage>((message) => message.scheduledAt ?? 0);
  // All locks of a queue last equally long, so insertion order is order of expiry; a renewal inserts anew.
  readonly #locks = new Map<string, Lock>();
  readonly #locked = new Set<number>();
  readonly #history = new Map<string, number>();
  #nextSequence = 1;
  #scheduledCount = 0;
  #deferredCount = 0;

  constructor(definition: QueueDefinition, context: QueueContext, isDeadLetterQueue = false) {
    this.definition = definition;
    this.#context = context;
    this.deadLetters = isDeadLetterQueue
      ? null
      : new Queue({ ...definition, name: `${definition.name}/$DeadLetterQueue`, defaultTtlMs: null }, context, true);
  }

  get name(): string {
    return this.definition.name;
  }

  counts(): QueueCounts {
    const total = this.#messages.size;
    const active = total - this.#scheduledCount - this.#deferredCount;
    return { active, deadLettered: this.deadLetters?.counts().total ?? 0, scheduled: this.#scheduledCount, total };
  }

  /** The message's sequence number; null when it was a duplicate and dropped. */
  enqueue(incoming: IncomingMessage): number | null {
    if (this.#isDuplicate(incoming.messageId)) return null;
    const now = this.#context.now();
    const scheduled = incoming.scheduledAt !== null && incoming.scheduledAt > now;
    const ttl = incoming.timeToLiveMs ?? this.definition.defaultTtlMs;
    const enqueuedAt = scheduled ? (incoming.scheduledAt ?? now) : now;
    const message: BrokerMessage = {
      sequence: this.#nextSequence,
      messageId: incoming.messageId,
      sections: incoming.sections,
      enqueuedAt,
      expiresAt: ttl === null ? null : enqueuedAt + ttl,
      scheduledAt: scheduled ? incoming.scheduledAt : null,
      state: scheduled ? 'scheduled' : 'active',
      deliveryCount: 0,
      deadLetterSource: null,
    };
    this.#add(message);
    return message.sequence;
  }

  /** Puts a message back as it was stored: from the journal, or from another queue as a dead letter. */
  restore(message: BrokerMessage): void {
    this.#nextSequence = Math.max(this.#nextSequence, message.sequence);
    this.#add(message);
  }

  /** A message id that was taken before a restart. */
  remember(messageId: string, at: number): void {
    this.#history.set(messageId, at);
  }

  /** Everything that must survive a restart, its dead letters included. */
  *contents(): Generator<QueueChange> {
    for (const message of this.#messages.values()) yield { kind: 'put', queue: this.name, message };
    for (const [messageId, at] of this.#history) yield { kind: 'seen', queue: this.name, messageId, at };
    if (this.deadLetters) yield* this.deadLetters.contents();
  }

  /** Locks the ready message with the lowest sequence number. */
  take(owner: string): Lock | null {
    for (let message = this.#ready.pop(); message; message = this.#ready.pop()) {
      if (!this.#isReady(message) || this.#expire(message)) continue;
      return this.#lock(message, owner);
    }
    return null;
  }

  /** Receive-and-delete. */
  takeForGood(): BrokerMessage | null {
    const lock = this.take('');
    if (!lock) return null;
    this.#unlock(lock);
    this.#remove(lock.message);
    return lock.message;
  }

  /** Locks deferred messages by number; those that are not there, or not deferred, are left out. */
  takeDeferred(sequences: readonly number[], owner: string): Lock[] {
    return sequences.flatMap((sequence) => {
      const message = this.#messages.get(sequence);
      return message?.state === 'deferred' && !this.#locked.has(sequence) ? [this.#lock(message, owner)] : [];
    });
  }

  complete(token: string): boolean {
    const lock = this.#held(token);
    if (!lock) return false;
    this.#unlock(lock);
    this.#remove(lock.message);
    return true;
  }

  /** Back to its place by sequence number, one failed delivery more. */
  abandon(token: string, changes: PropertyChanges = {}): boolean {
    const lock = this.#held(token);
    if (!lock) return false;
    this.#change(lock.message, changes);
    this.#unlock(lock);
    this.#failDelivery(lock.message);
    return true;
  }

  /** Gives a lock back without counting a failed delivery. */
  release(token: string): boolean {
    const lock = this.#held(token);
    if (!lock) return false;
    this.#unlock(lock);
    this.#makeReady(lock.message);
    return true;
  }

  defer(token: string, changes: PropertyChanges = {}): boolean {
    const lock = this.#held(token);
    if (!lock) return false;
    this.#change(lock.message, changes);
    this.#unlock(lock);
    if (lock.message.state !== 'deferred') this.#deferredCount += 1;
    lock.message.state = 'deferred';
    this.#put(lock.message);
    return true;
  }

  deadLetter(token: string, reason: string, description: string, changes: PropertyChanges = {}): boolean {
    const lock = this.#held(token);
    if (!lock) return false;
    this.#unlock(lock);
    this.#bury(lock.message, reason, description, changes);
    return true;
  }

  /** The new expiry; null when the lock is lost. */
  renew(token: string): number | null {
    const lock = this.#held(token);
    if (!lock) return null;
    lock.lockedUntil = this.#context.now() + this.definition.lockDurationMs;
    this.#locks.delete(token);
    this.#locks.set(token, lock);
    return lock.lockedUntil;
  }

  /** Messages of any state from a sequence number on, in order. */
  peek(from: number, count: number): BrokerMessage[] {
    const sequences = [...this.#messages.keys()].filter((sequence) => sequence >= from).sort((a, b) => a - b);
    return sequences.slice(0, count).flatMap((sequence) => this.#messages.get(sequence) ?? []);
  }

  cancelScheduled(sequence: number): boolean {
    const message = this.#messages.get(sequence);
    if (message?.state !== 'scheduled') return false;
    this.#scheduledCount -= 1;
    message.state = 'active';
    this.#remove(message);
    return true;
  }

  /** A connection is gone: its locks are released at once, each counted as a failed delivery. */
  connectionLost(owner: string): void {
    for (const lock of [...this.#locks.values()]) if (lock.owner === owner) this.abandon(lock.token);
    this.deadLetters?.connectionLost(owner);
  }

  /** Moves on with time: due schedules, expired locks, forgotten duplicates. */
  tick(): void {
    const now = this.#context.now();
    for (let next = this.#scheduled.peek(); next && (next.scheduledAt ?? 0) <= now; next = this.#scheduled.peek()) {
      this.#scheduled.pop();
      if (next.state === 'scheduled' && this.#messages.has(next.sequence)) this.#activate(next);
    }
    for (const lock of this.#locks.values()) {
      if (lock.lockedUntil > now) break;
      this.#unlock(lock);
      this.#failDelivery(lock.message);
    }
    for (const [id, seen] of this.#history) {
      if (seen > now - (this.definition.duplicateDetectionWindowMs ?? 0)) break;
      this.#history.delete(id);
    }
    this.deadLetters?.tick();
  }

  /** Forgets every message, as a broker does that lost its disk. For tests of recovery. */
  clear(): void {
    for (const message of [...this.#messages.values()]) this.#remove(message);
    this.#locks.clear();
    this.#locked.clear();
    this.#scheduledCount = 0;
    this.#deferredCount = 0;
    this.deadLetters?.clear();
  }

  #isDuplicate(messageId: string): boolean {
    if (this.definition.duplicateDetectionWindowMs === null) return false;
    const now = this.#context.now();
    const seen = this.#history.get(messageId);
    if (seen !== undefined && seen > now - this.definition.duplicateDetectionWindowMs) return true;
    this.#history.delete(messageId);
    this.#history.set(messageId, now);
    this.#context.record({ kind: 'seen', queue: this.name, messageId, at: now });
    return false;
  }

  #add(message: BrokerMessage): void {
    this.#nextSequence = Math.max(this.#nextSequence, message.sequence + 1);
    this.#put(message);
    if (message.state === 'scheduled') {
      this.#scheduledCount += 1;
      this.#scheduled.push(message);
    } else if (message.state === 'deferred') this.#deferredCount += 1;
    else this.#makeReady(message);
  }

  #put(message: BrokerMessage): void {
    this.#messages.set(message.sequence, message);
    this.#context.record({ kind: 'put', queue: this.name, message });
  }

  #remove(message: BrokerMessage): void {
    if (message.state === 'deferred') this.#deferredCount -= 1;
    if (this.#messages.delete(message.sequence)) {
      this.#context.record({ kind: 'remove', queue: this.name, sequence: message.sequence });
    }
  }

  #activate(message: BrokerMessage): void {
    this.#scheduledCount -= 1;
    message.state = 'active';
    this.#makeReady(message);
  }

  #makeReady(message: BrokerMessage): void {
    if (message.state === 'deferred') return;
    this.#ready.push(message);
    this.#context.ready(this);
  }

  /** The heap may hold messages that have moved on since they were pushed. */
  #isReady(message: BrokerMessage): boolean {
    const current = this.#messages.get(message.sequence);
    return current === message && message.state === 'active' && !this.#locked.has(message.sequence);
  }

  #expire(message: BrokerMessage): boolean {
    if (message.expiresAt === null || message.expiresAt > this.#context.now()) return false;
    if (this.definition.deadLetterOnExpiry) {
      this.#bury(message, 'TTLExpiredException', 'The message expired and was dead lettered.', {});
    } else this.#remove(message);
    return true;
  }

  #lock(message: BrokerMessage, owner: string): Lock {
    const token = randomUUID().replaceAll('-', '');
    const lock = { token, message, owner, lockedUntil: this.#context.now() + this.definition.lockDurationMs };
    this.#locks.set(token, lock);
    this.#locked.add(message.sequence);
    return lock;
  }

  #held(token: string): Lock | null {
    const lock = this.#locks.get(token);
    return lock && lock.lockedUntil > this.#context.now() ? lock : null;
  }

  #unlock(lock: Lock): void {
    this.#locks.delete(lock.token);
    this.#locked.delete(lock.message.sequence);
  }

  #change(message: BrokerMessage, changes: PropertyChanges): void {
    if (Object.keys(changes).length > 0) {
      message.sections = this.#context.mergeProperties(message.sections, changes);
    }
  }

  #failDelivery(message: BrokerMessage): void {
    message.deliveryCount += 1;
    if (this.deadLetters && message.deliveryCount >= this.definition.maxDeliveryCount) {
      const text = `Message could not be consumed after ${this.definition.maxDeliveryCount} delivery attempts.`;
      this.#bury(message, 'MaxDeliveryCountExceeded', text, {});
      return;
    }
    this.#put(message);
    this.#makeReady(message);
  }

  #bury(message: BrokerMessage, reason: string, description: string, changes: PropertyChanges): void {
    this.#remove(message);
    if (!this.deadLetters) return;
    const marked = { ...changes, DeadLetterReason: reason, DeadLetterErrorDescription: description };
    this.deadLetters.restore({
      ...message,
      sections: this.#context.mergeProperties(message.sections, marked),
      sequence: this.deadLetters.#nextSequence,
      state: 'active',
      scheduledAt: null,
      expiresAt: null,
      deadLetterSource: this.name,
    });
  }
}
