import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readDataTable } from '../../../../examples/flights/data-table.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-data-table-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function tableOf(text: string) {
  const path = join(directory, 'table.csv.gz');
  writeFileSync(path, gzipSync(text));
  return readDataTable(pathToFileURL(path));
}

it('a data file reads as columns of texts and numbers, empty numbers as NaN', () => {
  const table = tableOf('code,value\nEWR,-12\n,\nseven77,10.25\n');
  expect(table.rowCount).toBe(3);
  expect(table.texts('code')).toEqual(['EWR', '', 'seven77']);
  expect([...table.numbers('value')]).toEqual([-12, NaN, 10.25]);
});

it('a data file with an uneven line, no last line feed or no such column is refused by name and line', () => {
  expect(() => tableOf('a,b\n1,2\n3\n')).toThrow("'table.csv.gz': line 3: expected 2 cells");
  expect(() => tableOf('a,b\n1,2\n3,4,5\n')).toThrow('line 3');
  expect(() => tableOf('a,b\n1,2')).toThrow('expected a line feed at the end');
  expect(() => tableOf('a,b\n1,2\n').numbers('c')).toThrow("expected a column 'c', found a, b");
});
