import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRotatingLog } from '../../../workers/rotating-log.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'millrace-log-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const file = (): string => path.join(directory, 'logs', 'x.log');

test('a log appends to what an earlier run wrote', () => {
  for (const text of ['one\n', 'two\n']) {
    const log = openRotatingLog(file());
    log.write(Buffer.from(text));
    log.close();
  }
  expect(readFileSync(file(), 'utf8')).toBe('one\ntwo\n');
});

test('a log that would grow beyond its bound is put aside, and only so many are kept', () => {
  const log = openRotatingLog(file(), { bytesMax: 10, filesKept: 2 });
  for (const text of ['aaaaaaaa', 'bbbbbbbb', 'cccccccc', 'dddddddd']) log.write(Buffer.from(text));
  log.close();
  expect(readdirSync(path.dirname(file())).sort()).toEqual(['x.log', 'x.log.1', 'x.log.2']);
  expect(readFileSync(file(), 'utf8')).toBe('dddddddd');
  expect(readFileSync(`${file()}.1`, 'utf8')).toBe('cccccccc');
  expect(readFileSync(`${file()}.2`, 'utf8')).toBe('bbbbbbbb');
});

test('the tail holds the last lines, also one that is not finished and one that came in pieces', () => {
  const log = openRotatingLog(file(), { tailLinesMax: 2 });
  log.write(Buffer.from('one\ntw'));
  log.write(Buffer.from('o\nthree\nfo'));
  expect(log.tail()).toEqual(['two', 'three', 'fo']);
  log.close();
});
