import { describe, expect, test } from 'vitest';
import {
  derivedSource,
  entity,
  featureView,
  number,
  source,
  string,
  timestamp,
  type Source,
} from '../../../../src/index.ts';
import type { Derivation, DerivedSource } from '../../../../src/define/derivation.ts';
import {
  derivationDefinition,
  derivationProblems,
} from '../../../../src/store/derived/derivation-definition.ts';

const payments = source({
  name: 'payment',
  schema: { id: string(), at: timestamp(), card: string(), amount: number() },
  id: 'id',
  eventTime: 'at',
});
const cards = featureView({
  name: 'cards',
  entity: entity({ name: 'card', keys: ['card'] }),
  source: payments,
  features: (a) => ({ count: a.count({ window: '1h' }) }),
});
const derived: DerivedSource = derivedSource({
  name: 'derived',
  from: payments,
  attach: (a) => ({
    count: a.feature(cards, 'count'),
    before: a.latest(payments, 'amount', { by: { card: 'card' } }),
  }),
});
const { derivation } = derived;
const changed = (change: Partial<Derivation>): DerivedSource => ({
  ...derived,
  derivation: { ...derivation, ...change },
});
const problems = (now: Source): string[] => derivationProblems(now, derivationDefinition(derived));

describe('the definition of a derivation', () => {
  test('says by name what it reads', () => {
    expect(derivationDefinition(derived)).toEqual({
      from: 'payment',
      carry: ['id', 'at', 'card', 'amount'],
      attach: {
        count: { kind: 'feature', view: 'cards', version: 1, feature: 'count', keyFields: { card: 'card' } },
        before: { kind: 'latest', table: 'payment', field: 'amount', by: { card: 'card' } },
      },
      waitMax: '30s',
      onBehind: 'hold',
    });
    expect(derivationDefinition(payments)).toBeUndefined();
  });

  test('may wait differently and attach more, and nothing else', () => {
    const { count, before } = derivation.attach as Record<'count' | 'before', Derivation['attach'][string]>;
    expect(problems(derived)).toEqual([]);
    expect(
      problems(changed({ waitMax: '1m', onBehind: 'attach', attach: { ...derivation.attach, more: count } })),
    ).toEqual([]);
    expect(problems(changed({ attach: { count: before, before: count } }))).toEqual([
      "the field 'count' is now attached from elsewhere than in the events of the past. Keep it, or attach it under another name.",
      expect.stringContaining("the field 'before' is now attached from elsewhere"),
    ]);
    const second = { ...count, view: { ...cards, version: 2 } } as Derivation['attach'][string];
    expect(problems(changed({ attach: { count: second, before } }))).toEqual([
      expect.stringContaining("'count'"),
    ]);
    expect(problems(changed({ attach: { ...derivation.attach, card: before } }))).toEqual([
      expect.stringContaining("'card'"),
    ]);
    expect(problems(changed({ from: { ...payments, name: 'other' } }))).toEqual([
      "it was made of 'payment' and is now of 'other'. Keep it, or make a new source.",
    ]);
  });

  test('stays that of a derived source, or of one that is none', () => {
    const { derivation: _gone, ...plain } = derived;
    expect(problems(plain)).toEqual([
      'it was derived and is now one that events are sent to. Keep it, or make a new source.',
    ]);
    expect(derivationProblems(derived, undefined)).toEqual([
      'it was one that events are sent to and is now derived. Keep it, or make a new source.',
    ]);
    expect(derivationProblems(payments, undefined)).toEqual([]);
  });
});
