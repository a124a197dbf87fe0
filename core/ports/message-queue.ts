export type QueueName = 'jobs' | 'tasks';

/** Ids only, never data: a message is a hint to look into the database. */
export interface JobMessage {
  readonly job_id: string;
  readonly run: number;
  readonly stage: number;
  readonly correlation_id: string;
}

export interface TaskMessage extends JobMessage {
  /** The task's number in its stage, from 0. */
  readonly task: number;
}

export interface OutgoingMessage<Body> {
  /** Equal ids within the queue's duplicate-detection window are delivered once. */
  readonly id: string;
  readonly body: Body;
  /** Not delivered before this time. */
  readonly notBefore?: Date;
}

/** Sends to the two queues. Rejects with QUEUE_UNAVAILABLE when not all messages were accepted. */
export interface MessageQueue {
  sendJobMessages(messages: readonly OutgoingMessage<JobMessage>[]): Promise<void>;
  sendTaskMessages(messages: readonly OutgoingMessage<TaskMessage>[]): Promise<void>;
}
