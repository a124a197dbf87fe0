import { writeSync } from 'node:fs';
import type { TestEvent as NodeTestEvent } from 'node:test/reporters';
import { errorText } from './error-text.ts';
import { eventsDescriptor, type TestEvent } from './events.ts';

/**
 * Reporter for `node --test-reporter`, inside each test file's process. It writes each event at once and by itself:
 * what has happened is then known also when the process is killed.
 */
export default async function* reporter(source: AsyncIterable<NodeTestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const line = translate(event);
    if (line !== null) writeSync(eventsDescriptor, `${JSON.stringify(line)}\n`);
  }
  yield '';
}

function translate(event: NodeTestEvent): TestEvent | null {
  switch (event.type) {
    case 'test:start':
      return { type: 'start', name: event.data.name, nesting: event.data.nesting };
    case 'test:pass':
    case 'test:fail':
      return ended(event);
    case 'test:diagnostic':
      return { type: 'diagnostic', message: event.data.message };
    case 'test:summary':
      return { type: 'summary' };
    default:
      return null;
  }
}

function ended(event: Extract<NodeTestEvent, { type: 'test:pass' | 'test:fail' }>): TestEvent {
  const { name, nesting, skip, todo } = event.data;
  const error = event.type === 'test:fail' ? event.data.details.error : undefined;
  return {
    type: event.type === 'test:pass' ? 'pass' : 'fail',
    name,
    nesting,
    kind: event.data.details.type === 'suite' ? 'suite' : 'test',
    skip,
    todo,
    failureType: error !== undefined && 'failureType' in error ? String(error.failureType) : undefined,
    error: error === undefined ? undefined : errorText(error.cause ?? error),
  };
}
