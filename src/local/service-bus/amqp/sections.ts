import type { MessageSections } from '../broker/message.ts';
import { endOfValue } from './values.ts';

const codes = {
  header: 0x70,
  deliveryAnnotations: 0x71,
  annotations: 0x72,
  properties: 0x73,
  application: 0x74,
  data: 0x75,
};

export interface WalkedMessage {
  readonly header: Buffer | null;
  readonly sections: MessageSections;
}

/** Splits an encoded message into its sections without decoding them. */
export function walkMessage(message: Buffer): WalkedMessage {
  const found = new Map<number, Buffer>();
  let bodyStart = message.length;
  for (let at = 0; at < message.length; ) {
    const { code, end } = sectionAt(message, at);
    if (code >= codes.data) {
      bodyStart = at;
      break;
    }
    found.set(code, message.subarray(at, end));
    at = end;
  }
  return {
    header: found.get(codes.header) ?? null,
    sections: {
      annotations: found.get(codes.annotations) ?? null,
      properties: found.get(codes.properties) ?? null,
      applicationProperties: found.get(codes.application) ?? null,
      body: message.subarray(bodyStart),
    },
  };
}

/** The encoded messages of a batch transfer: one data section each. */
export function batchMembers(batch: Buffer): Buffer[] {
  const members: Buffer[] = [];
  for (let at = 0; at < batch.length; ) {
    const { code, valueStart, end } = sectionAt(batch, at);
    // A copy: a slice would keep the whole batch in memory as long as one of its messages waits.
    if (code === codes.data) members.push(Buffer.from(binaryContent(batch.subarray(valueStart, end))));
    at = end;
  }
  return members;
}

/** The value of a section, without its descriptor. */
export function sectionValue(section: Buffer): Buffer {
  return section.subarray(sectionAt(section, 0).valueStart);
}

/** A section with the given descriptor code. */
export function section(code: 0x70 | 0x72 | 0x73 | 0x74, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x00, 0x53, code]), value]);
}

function sectionAt(message: Buffer, at: number): { code: number; valueStart: number; end: number } {
  const valueStart = endOfValue(message, at + 1);
  const code = message[at + 1] === 0x53 ? message[at + 2] : message[valueStart - 1];
  if (message[at] !== 0x00 || code === undefined || code < 0x70 || code > 0x78) {
    throw new Error('not an AMQP message section');
  }
  return { code, valueStart, end: endOfValue(message, valueStart) };
}

function binaryContent(value: Buffer): Buffer {
  return value.subarray(value[0] === 0xa0 ? 2 : 5);
}
