import { expect, test } from 'vitest';
import { formatNumber, formatTime, renderPairs, renderTable } from '../../../cli/table.ts';

test('columns are aligned and no line ends in spaces', () => {
  const table = renderTable(
    [{ title: 'NAME' }, { title: 'N', align: 'right' }, { title: 'WHY' }],
    [
      ['a', '1', 'x'],
      ['bcdefg', '1000', ''],
    ],
  );
  expect(table.split('\n')).toEqual(['NAME       N  WHY', 'a          1  x', 'bcdefg  1000']);
});

test('a table is never wider than 80 columns: the widest column is cut and says so', () => {
  const table = renderTable(
    [{ title: 'A' }, { title: 'B' }, { title: 'C' }],
    [['short', 'x'.repeat(30), 'y'.repeat(200)]],
  );
  const [, row] = table.split('\n') as [string, string];
  expect(row).toHaveLength(80);
  expect(row).toContain('x'.repeat(30));
  expect(row.endsWith('y…')).toBe(true);
});

test('several wide columns share the cut', () => {
  const table = renderTable(
    [{ title: 'A' }, { title: 'B' }, { title: 'C' }],
    [['x'.repeat(90), 'y'.repeat(90), 'z'.repeat(90)]],
  );
  for (const line of table.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});

test('pairs align their values', () => {
  expect(
    renderPairs([
      ['a', '1'],
      ['long', '2'],
    ]),
  ).toBe('a     1\nlong  2');
});

test('what is not there is shown as a dash, never as a number or a date', () => {
  expect([
    formatNumber(null, 2),
    formatNumber(Number.NaN, 2),
    formatNumber(0.5, 2),
    formatTime(null),
    formatTime(0),
  ]).toEqual(['—', '—', '0.50', '—', '1970-01-01T00:00:00Z']);
});
