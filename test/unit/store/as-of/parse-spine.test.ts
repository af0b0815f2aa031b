import { describe, expect, it } from 'vitest';
import { assertColumns, parseSpine } from '../../../../src/store/as-of/parse-spine.ts';
import { OnlineCatalog } from '../../../../src/store/online-catalog.ts';
import { contractProject } from '../../../support/serving/contract-project.ts';

const plan = new OnlineCatalog(contractProject({})).plan({ service: 'both' });
const format = { plan, asOfColumn: 'when', isText: true };
const NOON = Date.UTC(2024, 0, 1, 12);
const failure = (message: RegExp) =>
  expect.objectContaining({
    code: 'FEATURE_SPINE_INVALID',
    message: expect.stringMatching(message) as string,
  }) as Error;

describe('a spine', () => {
  it('has texts of CSV read as the types that are asked for, empty fields as null', () => {
    const rows = parseSpine(
      format,
      [
        { when: '2024-01-01T12:00:00Z', origin: 'EWR', carrier: '007', distance: '-1.5e2', more: 'x' },
        { when: String(NOON), origin: null, carrier: 'UA', distance: '0' },
      ],
      1,
    );
    expect(rows).toEqual([
      { asOf: NOON, row: { when: NOON, origin: 'EWR', carrier: '007', distance: -150 } },
      { asOf: NOON, row: { when: NOON, origin: null, carrier: 'UA', distance: 0 } },
    ]);
  });

  it('has values of NDJSON taken as they are', () => {
    const record = { when: NOON, origin: 'EWR', carrier: 'UA', distance: 3 };
    expect(parseSpine({ ...format, isText: false }, [record], 1)).toEqual([{ asOf: NOON, row: record }]);
    expect(() => parseSpine({ ...format, isText: false }, [{ ...record, distance: '3' }], 1)).toThrowError(
      failure(/field 'distance'.*found text '3'/),
    );
  });

  it('names all that is wrong, by row and field', () => {
    const wrong = [
      { when: 'noon', origin: 'EWR', carrier: 'UA', distance: 'far' },
      { when: null, carrier: 'UA', distance: '0x10' },
    ];
    expect(() => parseSpine(format, wrong, 41)).toThrowError(
      failure(
        /row 41: field 'distance'.*'far'; row 41: field 'when'.*'noon'; row 42: field 'distance'.*'0x10'; row 42: field 'when'.*found null/,
      ),
    );
    const many = Array.from({ length: 30 }, () => ({ when: '0', carrier: 'UA' }));
    expect(() => parseSpine(format, many, 1)).toThrowError(failure(/and 10 more/));
  });

  it('must have every column that is asked for', () => {
    expect(() => assertColumns(['time', 'origin', 'carrier'], format)).toThrowError(
      failure(/no column 'when', 'distance'; it has 'time'/),
    );
    assertColumns(['distance', 'when', 'origin', 'carrier', 'more'], format);
  });

  it('must have none that is named as a value that is computed; a request field is its own', () => {
    expect(plan.names).toEqual(expect.arrayContaining(['excess', 'carrier']));
    expect(() => assertColumns(['distance', 'when', 'origin', 'carrier', 'excess'], format)).toThrowError(
      failure(/^Spine: expected no column that is named as a feature that is computed, found 'excess'. Rename it/),
    );
  });
});
