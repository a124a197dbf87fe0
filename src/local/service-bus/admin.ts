import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Broker } from './broker/broker.ts';
import type { Queue, QueueDefinition } from './broker/queue.ts';

interface Answer {
  readonly status: number;
  readonly xml: string;
}

/** The part of Service Bus's administration that counts and manages queues: Atom XML over HTTP. */
export function answerAdmin(broker: Broker, request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '/', 'http://emulator');
  request.resume();
  const { status, xml } = answerFor(broker, request.method ?? 'GET', decodeURIComponent(pathname.slice(1)));
  response.writeHead(status, { 'content-type': 'application/atom+xml;type=entry;charset=utf-8' });
  response.end(xml);
}

function answerFor(broker: Broker, method: string, name: string): Answer {
  if (name.toLowerCase() === '$resources/queues') return { status: 200, xml: feed(broker.queues.map(entry)) };
  if (name.toLowerCase() === '$namespaceinfo') return { status: 200, xml: namespaceInfo };
  const queue = broker.find(name);
  // A queue that is not there is an empty feed, not a 404: the client knows it by that.
  if (method === 'GET') return { status: 200, xml: queue ? entry(queue) : feed([]) };
  if (method === 'PUT' && !queue) return { status: 201, xml: entry(broker.create({ ...defaults, name })) };
  if (method === 'PUT') return failure(409, `The messaging entity '${name}' already exists.`);
  if (method !== 'DELETE') return failure(405, 'not supported');
  return broker.remove(name) ? { status: 200, xml: '' } : failure(404, `Entity '${name}' was not found.`);
}

const defaults: Omit<QueueDefinition, 'name'> = {
  lockDurationMs: 60_000,
  maxDeliveryCount: 10,
  duplicateDetectionWindowMs: null,
  defaultTtlMs: null,
  deadLetterOnExpiry: false,
};

const forever = 'P10675199DT2H48M5.4775807S';

const namespaceInfo = `<entry xmlns="http://www.w3.org/2005/Atom"><id>$namespaceinfo</id><title>emulator</title>
<content type="application/xml"><NamespaceInfo xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect">
<Alias></Alias><CreatedTime>2020-01-01T00:00:00Z</CreatedTime><MessagingSKU>Standard</MessagingSKU>
<ModifiedTime>2020-01-01T00:00:00Z</ModifiedTime><Name>emulator</Name><NamespaceType>Messaging</NamespaceType>
</NamespaceInfo></content></entry>`;

function entry(queue: Queue): string {
  const { active, deadLettered, scheduled, total } = queue.counts();
  const { definition } = queue;
  const time = '2020-01-01T00:00:00Z';
  return `<entry xmlns="http://www.w3.org/2005/Atom"><id>http://emulator/${escapeXml(queue.name)}?api-version=2021-05</id>
<title type="text">${escapeXml(queue.name)}</title><content type="application/xml">
<QueueDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect">
<LockDuration>${seconds(definition.lockDurationMs)}</LockDuration><MaxSizeInMegabytes>1024</MaxSizeInMegabytes>
<RequiresDuplicateDetection>${definition.duplicateDetectionWindowMs !== null}</RequiresDuplicateDetection>
<RequiresSession>false</RequiresSession>
<DefaultMessageTimeToLive>${definition.defaultTtlMs === null ? forever : seconds(definition.defaultTtlMs)}</DefaultMessageTimeToLive>
<DeadLetteringOnMessageExpiration>${definition.deadLetterOnExpiry}</DeadLetteringOnMessageExpiration>
<DuplicateDetectionHistoryTimeWindow>${seconds(definition.duplicateDetectionWindowMs ?? 600_000)}</DuplicateDetectionHistoryTimeWindow>
<MaxDeliveryCount>${definition.maxDeliveryCount}</MaxDeliveryCount><EnableBatchedOperations>true</EnableBatchedOperations>
<SizeInBytes>0</SizeInBytes><MessageCount>${total + deadLettered}</MessageCount><Status>Active</Status>
<CreatedAt>${time}</CreatedAt><UpdatedAt>${time}</UpdatedAt><AccessedAt>${time}</AccessedAt>
<CountDetails xmlns:d2p1="http://schemas.microsoft.com/netservices/2011/06/servicebus">
<d2p1:ActiveMessageCount>${active}</d2p1:ActiveMessageCount>
<d2p1:DeadLetterMessageCount>${deadLettered}</d2p1:DeadLetterMessageCount>
<d2p1:ScheduledMessageCount>${scheduled}</d2p1:ScheduledMessageCount>
<d2p1:TransferMessageCount>0</d2p1:TransferMessageCount>
<d2p1:TransferDeadLetterMessageCount>0</d2p1:TransferDeadLetterMessageCount></CountDetails>
<EnablePartitioning>false</EnablePartitioning></QueueDescription></content></entry>`;
}

function feed(entries: readonly string[]): string {
  return `<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">Queues</title>${entries.join('')}</feed>`;
}

function failure(status: number, detail: string): Answer {
  return { status, xml: `<Error><Code>${status}</Code><Detail>${escapeXml(detail)}</Detail></Error>` };
}

function seconds(ms: number): string {
  return `PT${ms / 1000}S`;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
