import assert from 'node:assert/strict';
import { test } from 'node:test';
import rhea from 'rhea';
import { encodeForDelivery, incomingMessage, mergeProperties } from '../../src/local/service-bus/amqp/encode.ts';
import { tokenToTag, tokenToUuid, uuidToToken } from '../../src/local/service-bus/amqp/lock-token.ts';
import { batchMembers, section, sectionValue, walkMessage } from '../../src/local/service-bus/amqp/sections.ts';
import {
  encodeList,
  encodeMap,
  endOfValue,
  keyText,
  listItems,
  mapEntries,
} from '../../src/local/service-bus/amqp/values.ts';

// rhea's own encoder and decoder are the referee.
const codec = rhea.message as unknown as {
  encode(message: object): Buffer;
  decode(bytes: Buffer): Record<string, unknown>;
  data_section(data: Buffer): unknown;
  data_sections(data: Buffer[]): unknown;
};

const encoded = codec.encode({
  message_id: 'm-1',
  ttl: 5000,
  subject: 's',
  application_properties: { text: 'ä', number: 7, double: rhea.types.wrap_double(7), flag: true },
  message_annotations: { 'x-opt-scheduled-enqueue-time': rhea.types.wrap_timestamp(1_700_000_000_000), other: 'kept' },
  body: codec.data_section(Buffer.from('{"a":1}')),
});

test('the broker reads id, life time and schedule, and leaves the body alone', () => {
  const incoming = incomingMessage(encoded, () => 'new');
  assert.deepEqual([incoming.messageId, incoming.timeToLiveMs, incoming.scheduledAt], ['m-1', 5000, 1_700_000_000_000]);
  assert.deepEqual(walkMessage(encoded).sections.body, incoming.sections.body);
});

test('a message without an id gets one, and keeps its other properties', () => {
  const nameless = codec.encode({ subject: 's', correlation_id: 'c', body: 'x' });
  const incoming = incomingMessage(nameless, () => 'fresh');
  assert.equal(incoming.messageId, 'fresh');
  const decoded = codec.decode(incoming.sections.properties ?? Buffer.alloc(0));
  assert.deepEqual([decoded.message_id, decoded.subject, decoded.correlation_id], ['fresh', 's', 'c']);
});

test('what is delivered has our header and annotations and the sender’s own bytes', () => {
  const { sections } = incomingMessage(encoded, () => 'new');
  const delivered = encodeForDelivery(
    {
      sequence: 9,
      messageId: 'm-1',
      sections,
      enqueuedAt: 1000,
      expiresAt: 6000,
      scheduledAt: null,
      state: 'active',
      deliveryCount: 2,
      deadLetterSource: null,
    },
    77_000,
  );
  const decoded = codec.decode(delivered);
  assert.deepEqual([decoded.delivery_count, decoded.ttl, decoded.message_id], [2, 5000, 'm-1']);
  const annotations = decoded.message_annotations as Record<string, unknown>;
  assert.deepEqual([Number(annotations['x-opt-sequence-number']), annotations.other], [9, 'kept']);
  assert.equal(Number(annotations['x-opt-locked-until']), 77_000);
  assert.ok(delivered.includes(sections.applicationProperties ?? 'nothing'), 'types of properties are not touched');
});

test('properties are merged entry by entry: the others keep their exact bytes', () => {
  const { sections } = incomingMessage(encoded, () => 'new');
  const merged = mergeProperties(sections, { number: 8, extra: 'x' });
  const before = mapEntries(sectionValue(sections.applicationProperties ?? Buffer.alloc(0)));
  const after = mapEntries(sectionValue(merged.applicationProperties ?? Buffer.alloc(0)));
  const bytesOf = (entries: typeof after, name: string) =>
    entries.find(({ key }) => keyText(key) === name)?.value.toString('hex');
  assert.equal(bytesOf(after, 'double'), bytesOf(before, 'double'));
  assert.deepEqual(codec.decode(merged.applicationProperties ?? Buffer.alloc(0)).application_properties, {
    text: 'ä',
    double: 7,
    flag: true,
    number: 8,
    extra: 'x',
  });
});

test('a batch is taken apart into its messages', () => {
  const members = [encoded, codec.encode({ message_id: 'm-2', body: 'y' })];
  const batch = codec.encode({ body: codec.data_sections(members) });
  assert.deepEqual(batchMembers(batch), members);
});

test('values of every width end where rhea says they end', () => {
  const list = encodeList([Buffer.from([0x40]), Buffer.from([0x54, 5])]);
  assert.equal(endOfValue(list, 0), list.length);
  assert.deepEqual(listItems(list), [Buffer.from([0x40]), Buffer.from([0x54, 5])]);
  assert.deepEqual(listItems(Buffer.from([0x45])), []);
  const map = encodeMap([{ key: Buffer.from([0xa1, 1, 0x61]), value: Buffer.from([0x41]) }]);
  assert.equal(endOfValue(map, 0), map.length);
  assert.equal(walkMessage(section(0x74, map)).sections.applicationProperties?.length, map.length + 3);
  for (const broken of [Buffer.from([]), Buffer.from([0x01]), Buffer.from([0xb1, 0, 0])])
    assert.throws(() => endOfValue(broken, 0));
  assert.throws(() => walkMessage(Buffer.from('not AMQP')));
});

test('a lock token: .NET order as a tag, plain order as a uuid', () => {
  const token = '00112233445566778899aabbccddeeff';
  assert.equal(tokenToTag(token).toString('hex'), '33221100554477668899aabbccddeeff');
  assert.equal(uuidToToken(tokenToUuid(token)), token);
  assert.equal(uuidToToken('00112233-4455-6677-8899-AABBCCDDEEFF'), token);
});
