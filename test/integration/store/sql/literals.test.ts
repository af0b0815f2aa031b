import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isStorable, textLiteral } from '../../../../src/store/sql/literals.ts';
import { LANDS } from '../../../property/fold/aggregation-arbitrary.ts';
import { openColdStage, type ColdStage } from '../../../support/store/cold-stage.ts';

let cold: ColdStage;
beforeAll(async () => {
  cold = await openColdStage();
});
afterAll(() => cold.close());

test('a text is one line of SQL that PostgreSQL and DuckDB read back as it was', async () => {
  const drawn = fc.sample(fc.string({ unit: fc.oneof(fc.constantFrom(..."\n\r\t'\\nrtxuUE0"), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })) }), 300);
  const texts = [...LANDS, '\n', '\r\n', '\\n', "'\n'", '\\', '\u2028', '-- \n;', ...drawn.filter(isStorable)];
  const literals = texts.map(textLiteral);
  expect(literals.filter((literal) => /[\n\r]/.test(literal))).toEqual([]);
  const sql = `SELECT * FROM (VALUES ${literals.map((literal, i) => `(${i}, ${literal})`).join(', ')}) AS given(i, text) ORDER BY i`;
  const wanted = texts.map((text, i) => [i, text]);
  expect(await cold.db.queryArrays(sql)).toEqual(wanted);
  await cold.coldLog.duckdb.session(async (session) => expect(await session.rows(sql)).toEqual(wanted));
});
