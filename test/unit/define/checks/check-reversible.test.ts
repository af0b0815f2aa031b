import { describe, expect, it } from 'vitest';
import type { FeatureDefinition } from '../../../../src/define/aggregation.ts';
import type { Aggregations } from '../../../../src/define/aggregations.ts';
import type { Source } from '../../../../src/define/source.ts';
import { validateProject } from '../../../../src/define/validate-project.ts';
import { featureView, number, project, source } from '../../../../src/index.ts';
import { cardEntity, fraud, payments } from '../payments-project.ts';

const definition = { name: 'payment', schema: payments.schema, id: 'id', eventTime: 'at', changes: true } as const;
const changing = source(definition);

const problemsOf = (features: (a: Aggregations<typeof payments.schema>) => Readonly<Record<string, FeatureDefinition>>) =>
  validateProject(
    project({ name: 'p', views: [featureView({ name: 'cards', entity: cardEntity, source: changing, features })] }),
  );
const problemsOfSource = (given: Source) => validateProject(project({ name: 'p', sources: [given] }));

describe('the checks of a source whose rows change', () => {
  it('find nothing in what can be taken back', () => {
    const window = '1h';
    expect(
      problemsOf((a) => ({
        n: a.count({ window, where: { note: { ne: 'x' } } }),
        sum: a.sum('amount', { window, bucketBy: { field: 'note', values: ['a', 'b'] } }),
        mean: a.mean('amount', { window: 'lifetime' }),
        variance: a.variance('amount', { window }),
        stddev: a.stddev('amount', { window }),
        skewness: a.skewness('amount', { window }),
        median: a.approxQuantile('amount', { window, q: 0.5 }),
        share: a.ratio(a.count({ window }), a.count({ window })),
      })),
    ).toEqual([]);
  });

  it('name each feature that can not, and why', () => {
    const window = '1h';
    const problems = problemsOf((a) => ({
      n: a.count({ window }),
      most: a.max('amount', { window }),
      cards: a.approxDistinct('card', { window }),
      newest: a.lastN('amount', { window, n: 1 }),
      decayed: a.decayedCount({ window, halfLife: '1h' }),
      range: a.difference(a.max('amount', { window }), a.min('amount', { window })),
    }));
    expect(problems).toHaveLength(6);
    expect(problems[0]).toMatch(
      /^Feature view 'cards', feature 'most': .* source 'payment' has changes, found 'max': it keeps one value .* Those that can: 'count', 'sum'/,
    );
    expect(problems[1]).toMatch(/feature 'cards'.*registers/);
    expect(problems[2]).toMatch(/feature 'newest_1'.*the n newest values/);
    expect(problems[3]).toMatch(/feature 'decayed'.*units of the newest event/);
    expect(problems[4]).toMatch(/feature 'range'.*found 'max'/);
    expect(problems[5]).toMatch(/feature 'range'.*found 'min'/);
  });

  it("find the change's own fields in features", () => {
    const problems = problemsOf((a) => ({
      signs: a.sum('change_sign' as 'amount', { window: '1h' }),
      added: a.count({ window: '1h', where: { change_sign: { gt: 0 } } as never }),
    }));
    expect(problems).toEqual([
      expect.stringContaining("feature 'signs': expected a field of the source's rows, found 'change_sign'"),
      expect.stringContaining("feature 'added': expected a field of the source's rows, found 'change_sign'"),
    ]);
  });

  it('want a clock skew of nothing, and names of their own', () => {
    expect(problemsOfSource(changing)).toEqual([]);
    expect(problemsOfSource(source({ ...definition, clockSkew: '1m' }))).toEqual([
      expect.stringContaining("expected clockSkew '0s' of a source with changes, found '1m'"),
    ]);
    expect(problemsOfSource(source({ ...definition, schema: { ...payments.schema, change_sign: number() } }))).toEqual([
      expect.stringContaining("expected no field 'change_sign' of its own"),
    ]);
  });

  it('refuse it as the source of examples and of labels', () => {
    const models = [
      { ...fraud, examples: { ...fraud.examples, source: changing }, label: { ...fraud.label, source: changing } },
    ];
    const problems = validateProject(project({ name: 'p', models: models }));
    expect(problems).toContainEqual(
      expect.stringContaining("expected examples.source as a source of events, found 'payment', whose rows change"),
    );
    expect(problems).toContainEqual(expect.stringContaining('expected label.source as a source of events'));
  });

  it('are no part of a source of events, whose definition stays what it was', () => {
    const { changes, ...events } = definition;
    expect(changes).toBe(true);
    expect(source({ ...events, changes: false })).toEqual(source(events));
    expect(source(events)).not.toHaveProperty('changes');
  });
});
