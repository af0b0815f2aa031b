import { expect, it } from 'vitest';
import { compileService } from '../../../src/fold/compile-service.ts';
import type { Queryable } from '../../../src/infra/postgres.ts';
import { CopyWriter } from '../../../src/store/copy-binary.ts';
import { readExamples } from '../../../src/store/example-spine.ts';
import { monitoredTrips } from '../../support/monitored-project.ts';

const AT = Date.UTC(2026, 0, 1);
const model = monitoredTrips('m');
const META_COLUMNS = 5;

/** One trip, and its labels in the order in which a scan meets them; all of them known at one time. */
const logOf = (labels: readonly { readonly partition?: number; readonly offset: number; readonly late: boolean | null }[]) =>
  ({
    query: () => Promise.resolve([]),
    async copyOut(sql: string, take: (chunk: Buffer) => Promise<void>) {
      const writer = new CopyWriter();
      const addMeta = (partition: number, offset: number): void => {
        writer.add('int4', partition);
        writer.add('int8', offset);
        for (const at of [AT, AT, AT + 5]) writer.add('timestamp', at);
      };
      const columns = /SELECT (.*) FROM/.exec(sql)![1]!.split(', ').slice(META_COLUMNS);
      if (sql.includes('arrivals')) {
        for (const { partition = 0, offset, late } of labels) {
          writer.startRow(META_COLUMNS + 2);
          addMeta(partition, offset);
          writer.add('string', 'trip-1');
          writer.add('boolean', late);
        }
      } else {
        writer.startRow(META_COLUMNS + columns.length);
        addMeta(0, 1);
        for (const column of columns) {
          if (column.includes('carrier')) writer.add('string', 'AA');
          else if (column.includes('at')) writer.add('timestamp', AT);
          else writer.add('string', 'trip-1');
        }
      }
      await take(writer.finish());
    },
  }) as unknown as Queryable;

const labelOf = async (labels: Parameters<typeof logOf>[0]) => (await readExamples(logOf(labels), model, compileService(model.service), AT + 1_000))[0]?.label;

it('of labels that became known at one time the last of their partition counts, in whatever order they are read', async () => {
  const corrected = [{ offset: 10, late: false }, { offset: 11, late: true }];
  expect([await labelOf(corrected), await labelOf(corrected.toReversed())]).toEqual([1, 1]);
  const takenBack = [{ offset: 10, late: true }, { offset: 11, late: null }];
  expect([await labelOf(takenBack), await labelOf(takenBack.toReversed())]).toEqual([undefined, undefined]);
  const apart = [{ partition: 1, offset: 3, late: true }, { partition: 0, offset: 9, late: false }];
  expect([await labelOf(apart), await labelOf(apart.toReversed())]).toEqual([1, 1]);
});
