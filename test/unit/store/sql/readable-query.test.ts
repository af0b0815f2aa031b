import { describe, expect, it } from 'vitest';
import type { Aggregation } from '../../../../src/define/aggregation.ts';
import type { Aggregations } from '../../../../src/define/aggregations.ts';
import type { FeatureView } from '../../../../src/define/feature-view.ts';
import { boolean, entity, featureView, nullable, number, source, string, timestamp } from '../../../../src/index.ts';
import { readableQuery } from '../../../../src/store/sql/readable-query.ts';

const payments = source({
  name: 'payments',
  schema: { id: string(), at: timestamp(), card: string(), land: nullable(string()), amount: number(), online: nullable(boolean()) },
  id: 'id',
  eventTime: 'at',
});
const viewOf = (where: Aggregation['where'], kind: string = 'count') =>
  featureView({
    name: 'card_payments',
    entity: entity({ name: 'card_in_land', keys: ['card', 'land'] }),
    source: payments,
    features: () => ({ feature: { kind, field: null, window: '1h', ...(where === undefined ? {} : { where }) } as Aggregation }),
  });
const now = { asOf: null, key: null, fence: null };

describe('the readable query of a view', () => {
  it('writes every literal so that it can be nothing else', () => {
    const sql = readableQuery(viewOf({ land: { ne: "N'O" }, amount: { gte: -1e-7 } }), {
      asOf: 1_000,
      key: ["it's", 'a\\b\r\nc'],
      fence: { 2: 7 },
    });
    expect(sql).toContain(`'it''s' AS "card", E'a\\\\b\\r\\nc' AS "land"`);
    expect(sql).toContain(`e."land" <> 'N''O'`);
    expect(sql).toContain(`e."amount" >= '-1e-7'::float8`);
    expect(sql).toContain(`'{-1,-1,7}'::bigint[] AS "fence"`);
  });

  it('lets a text that no event can carry equal none', () => {
    expect(readableQuery(viewOf({ land: 'a\u0000b' }), now)).toContain('AND false)');
    expect(readableQuery(viewOf({ land: { ne: '\ud800' } }), now)).toContain('AND e."land" IS NOT NULL)');
    expect(readableQuery(viewOf({ land: { in: ['\udfff', 'NO'] } }), now)).toContain(`AND e."land" = 'NO')`);
  });

  it('refuses a key that is not that of the entity', () => {
    expect(() => readableQuery(viewOf(undefined), { ...now, key: ['c'] })).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', message: expect.stringContaining('2 texts (card, land)') as string }),
    );
  });

  it('refuses a kind that has no SQL form, also as a part', () => {
    const refusal = (text: string) =>
      expect.objectContaining({ code: 'FEATURE_SQL_UNSUPPORTED', message: expect.stringContaining(text) as string }) as Error;
    expect(() => readableQuery(viewOf(undefined, 'kurtosis'), now)).toThrow(refusal("'feature': 'kurtosis' has"));
    const view = viewOf(undefined, 'kurtosis');
    const { feature } = view.features as Readonly<Record<'feature', Aggregation>>;
    const ratio = { ...view, features: { feature: { kind: 'ratio', parts: [feature, feature] } } } as FeatureView;
    expect(() => readableQuery(ratio, now)).toThrow(refusal("'feature': 'kurtosis' has"));
  });

  it('names what it answers exactly and serving only estimates', () => {
    const features = (a: Aggregations<typeof payments.schema>) => ({
      cards: a.approxDistinct('card', { window: '1h' }),
      newest: a.lastN('amount', { window: 'lifetime', n: 2 }),
      share: a.ratio(a.count({ window: '1h', where: { online: true } }), a.count({ window: '1h' })),
    });
    const land = entity({ name: 'land', keys: ['land'] });
    const sql = readableQuery(featureView({ name: 'lands', entity: land, source: payments, features }), now);
    expect(sql).toContain('-- Exact here, estimated where they are served: cards.\n');
    expect(sql).toContain('AS "newest_2"');
    expect(sql).toContain('millrace.ratio(coalesce(count(*) FILTER (WHERE');
    expect(readableQuery(viewOf(undefined), now)).not.toContain('estimated');
  });
});
