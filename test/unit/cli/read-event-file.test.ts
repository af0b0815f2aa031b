import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { readEventFile } from '../../../cli/read-event-file.ts';
import type { ReplayEvent } from '../../../src/stream/replayer.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'millrace-events-'));
afterAll(() => rmSync(directory, { recursive: true }));

const write = (name: string, content: string | Buffer): string => {
  const file = path.join(directory, name);
  writeFileSync(file, content);
  return file;
};
async function read(file: string): Promise<ReplayEvent[]> {
  const events: ReplayEvent[] = [];
  for await (const event of readEventFile(file)) events.push(event);
  return events;
}
const line = '{"source":"s","id":"1","payload":{"a":null},"knownTime":5}';
const event = { source: 's', id: '1', payload: { a: null }, knownTime: 5 };

test('events are read line by line; empty lines are passed over, ISO times become milliseconds', async () => {
  const iso = line.replace('5}', '"1970-01-01T00:00:01Z"}');
  expect(await read(write('a.ndjson', `${line}\r\n\n${iso}`))).toEqual([
    event,
    { ...event, knownTime: 1000 },
  ]);
});

test('a .gz file is unpacked', async () => {
  expect(await read(write('a.ndjson.gz', gzipSync(`${line}\n`)))).toEqual([event]);
});

test.each([
  ['no JSON', `${line}\n{`, /line 2 is no JSON/],
  ['a missing field', '{"source":"s","id":"1","payload":{}}', /line 1: knownTime/],
  ['a wrong type', '{"source":"s","id":1,"payload":[],"knownTime":5}', /line 1: id: .*; payload: /],
])('%s is refused with file and line', async (_what, content, message) => {
  const file = write('bad.ndjson', content);
  await expect(read(file)).rejects.toMatchObject({
    code: 'STREAM_REPLAY_INVALID',
    message: expect.stringMatching(message) as string,
  });
});

test.each([
  ['a file that is not there', () => path.join(directory, 'none.ndjson'), 'ENOENT'],
  ['a .gz that is not one', () => write('b.ndjson.gz', 'text'), 'incorrect header'],
])('%s is refused', async (_what, file, message) => {
  await expect(read(file())).rejects.toMatchObject({
    code: 'STREAM_REPLAY_INVALID',
    message: expect.stringContaining(message) as string,
  });
});
