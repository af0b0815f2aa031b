import { describe, expect, it } from 'vitest';
import {
  assembleRow,
  compileService,
  parseInstance,
  requestKeyOf,
} from '../../../src/fold/compile-service.ts';
import {
  boolean,
  entity,
  featureService,
  featureView,
  nullable,
  number,
  onDemand,
  string,
  timestamp,
} from '../../../src/index.ts';
import type { FeatureService } from '../../../src/index.ts';
import { cardView, payments, START_MS } from '../../support/fold/payments.ts';

const cards = cardView((a) => ({ count: a.count({ window: '1h' }), at: a.max('at', { window: '1h' }) }));
const countries = featureView({
  name: 'country_activity',
  entity: entity({ name: 'country', keys: ['country'] }),
  source: payments,
  features: (a) => ({ mean: a.mean('amount', { window: '24h' }) }),
});
const relative = onDemand({
  name: 'relative_amount',
  views: { own: cards, there: countries },
  request: { amount: number(), at: timestamp() },
  compute: ({ own, there, request, asOf }) =>
    there.mean === null ? null : request.amount / there.mean + (asOf - (own.at ?? asOf)),
});
const isBig = onDemand({
  name: 'is_big',
  request: { amount: number() },
  compute: ({ request }) => request.amount > 100,
});
const service = featureService({
  name: 'fraud',
  views: [cards],
  onDemand: [relative, isBig],
  request: { amount: number(), online: boolean(), channel: nullable(string()) },
  exclude: ['card_activity.at'],
});
const program = compileService(service);
const instance = { card: 'c', country: 'NO', amount: 200, at: START_MS, online: true, channel: 'web' };

function rowOf(viewValues: number[][], given: Record<string, unknown> = instance, compiled = program) {
  const parsed = parseInstance(compiled, given);
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const numbers = new Float32Array(2 + compiled.numericNames.length).fill(-7);
  const categories: (string | null)[] = ['before'];
  const values = viewValues.map((view) => Float64Array.from(view));
  assembleRow(compiled, values, parsed.row, START_MS, numbers, 1, categories, 1);
  return { numbers: [...numbers], categories };
}

describe('a compiled feature service', () => {
  it('reads the views of its on-demand features too, but gives the model only its own', () => {
    expect(program.views.map((view) => view.name)).toEqual(['card_activity', 'country_activity']);
    expect(program.numericNames).toEqual([
      'card_activity.count',
      'relative_amount',
      'is_big',
      'amount',
      'online',
    ]);
    expect(program.categoryNames).toEqual(['channel']);
  });

  it('asks for entity keys, which may be null, on-demand inputs and request features', () => {
    expect(program.requestSchema).toEqual({
      card: { type: 'string', nullable: true },
      country: { type: 'string', nullable: true },
      amount: { type: 'number', nullable: false },
      at: { type: 'timestamp', nullable: false },
      online: { type: 'boolean', nullable: false },
      channel: { type: 'string', nullable: true },
    });
  });

  it('writes a row at its place, in the order of the names', () => {
    const { numbers, categories } = rowOf([[3, START_MS - 5], [50]]);
    expect(numbers).toEqual([-7, 3, 9, 1, 200, 1, -7]);
    expect(categories).toEqual(['before', 'web']);
  });

  it('gives nulls to on-demand features as null, and takes them back as NaN', () => {
    const { numbers, categories } = rowOf([[0, NaN], [NaN]], { ...instance, channel: null, online: false });
    expect(numbers).toEqual([-7, 0, NaN, 1, 200, 0, -7]);
    expect(categories).toEqual(['before', null]);
  });

  it('computes each row from its own values', () => {
    expect(rowOf([[1, START_MS], [100]]).numbers[2]).toBe(2);
    expect(rowOf([[1, START_MS], [200]]).numbers[2]).toBe(1);
  });

  it('turns what is no number in float32 into null', () => {
    expect(rowOf([[1e39, START_MS], [0]]).numbers.slice(1, 3)).toEqual([NaN, NaN]);
  });

  it('names the on-demand feature that throws', () => {
    const broken = onDemand({
      name: 'broken',
      compute: () => {
        throw new Error('no luck');
      },
    });
    const compiled = compileService(featureService({ name: 's', views: [cards], onDemand: [broken] }));
    const failure = expect.objectContaining({ code: 'FEATURE_ON_DEMAND_FAILED' }) as Error;
    expect(() => rowOf([[1, 2]], { card: 'c' }, compiled)).toThrow(failure);
    expect(() => rowOf([[1, 2]], { card: 'c' }, compiled)).toThrow("On-demand feature 'broken'");
  });

  it('lets an on-demand feature walk over all features of a view', () => {
    const total = onDemand({
      name: 'total',
      views: { own: cards },
      compute: ({ own }) => Object.values({ ...own }).reduce<number>((sum, value) => sum + (value ?? 0), 0),
    });
    const compiled = compileService(featureService({ name: 's', views: [cards], onDemand: [total] }));
    expect(rowOf([[1, 2]], { card: 'c' }, compiled).numbers).toEqual([-7, 1, 2, 3, -7]);
  });

  it('finds entity keys by the names that the request has for them', () => {
    expect(program.views.map((view) => requestKeyOf(view, { card: 'c', country: null }))).toEqual([
      'c',
      null,
    ]);
  });

  it('has one definition however its exclusions are ordered, and another for other features', () => {
    const definitionOf = (other: Partial<FeatureService>) =>
      compileService({ ...service, ...other }).definition;
    expect(definitionOf({ exclude: [...service.exclude] })).toEqual(program.definition);
    expect(definitionOf({ exclude: [] })).not.toEqual(program.definition);
    expect(definitionOf({ onDemand: [isBig] as never })).not.toEqual(program.definition);
  });
});
