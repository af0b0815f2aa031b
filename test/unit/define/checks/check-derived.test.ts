import { describe, expect, it } from 'vitest';
import { validateProject } from '../../../../src/define/validate-project.ts';
import {
  derivedSource,
  entity,
  featureView,
  number,
  project,
  source,
  string,
  timestamp,
  type Attachments,
} from '../../../../src/index.ts';
import type { Derivation, DerivedSource } from '../../../../src/define/derivation.ts';
import type { Source } from '../../../../src/define/source.ts';

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
type Attach = Attachments<typeof payments.schema>;
const count = (a: Attach) => ({ count: a.feature(cards, 'count') });

const derived = (attach: (a: Attach) => object, changed: Partial<Derivation> = {}): DerivedSource => {
  const made: DerivedSource = derivedSource({
    name: 'derived',
    from: payments,
    attach: attach as typeof count,
  });
  return { ...made, derivation: { ...made.derivation, ...changed } };
};
const problemsOf = (...sources: Source[]): readonly string[] =>
  validateProject(project({ name: 'p', sources }));

describe('checks of derived sources', () => {
  it('find nothing wrong with one that is right, and collect what it is made of', () => {
    expect(problemsOf(derived(count))).toEqual([]);
    expect(project({ name: 'p', sources: [derived(count)] })).toMatchObject({
      sources: [payments, { name: 'derived' }],
      views: [cards],
      entities: [cards.entity],
    });
  });

  it.each<[string, (a: Attach) => object, string]>([
    ['no attachment', () => ({}), 'expected 1 to 64 attached fields, found 0'],
    [
      'a field of the table that is not there',
      (a) => ({ x: a.latest(payments, 'price' as 'amount', { by: { card: 'card' } }) }),
      "field 'x': expected a field of source 'payment', found 'price'",
    ],
    [
      'no key',
      (a) => ({ x: a.latest(payments, 'amount', {} as never) }),
      "field 'x': expected 1 to 8 key fields in by, found 0",
    ],
    [
      'a key of the table that is no text',
      (a) => ({ x: a.latest(payments, 'amount', { by: { amount: 'card' } as never }) }),
      "field 'x': expected a key of source 'payment' as a string field of source 'payment', found number 'amount'",
    ],
    [
      'a key that the event lacks',
      (a) => ({ x: a.latest(payments, 'amount', { by: { card: 'pan' as 'card' } }) }),
      "field 'x': expected the value of 'card' as a string field of source 'payment', found no field 'pan'. Use one of 'id', 'card'",
    ],
    [
      'a feature that is not there',
      (a) => ({ x: a.feature(cards, 'sum' as 'count') }),
      "field 'x': expected a feature of view 'cards', found 'sum'. Use one of 'count'",
    ],
    [
      'a key of the view that is no text',
      (a) => ({ x: a.feature(cards, 'count', { keyFields: { card: 'at' as 'card' } }) }),
      "field 'x': expected key 'card' of view 'cards' as a string field of source 'payment', found timestamp 'at'",
    ],
    [
      'the name of a carried field',
      (a) => ({ amount: a.feature(cards, 'count') }),
      "expected different names for carried and attached fields, found 'amount' twice",
    ],
    ['a name that is no column', (a) => ({ 'a b': a.feature(cards, 'count') }), 'expected a field name of'],
    ['a column of the log', (a) => ({ known_time: a.feature(cards, 'count') }), "found 'known_time'"],
  ])('find %s', (_what, attach, text) => {
    expect(problemsOf(derived(attach))).toEqual([expect.stringContaining(text)]);
  });

  it('find all problems at once', () => {
    const wrong = derived(
      (a) => ({ x: a.feature(cards, 'sum' as 'count', { keyFields: { card: 'pan' as 'card' } }) }),
      {
        carry: ['id', 'at', 'price'],
        waitMax: '2h',
        onBehind: 'skip' as 'hold',
      },
    );
    expect(problemsOf(wrong)).toEqual([
      expect.stringContaining(
        "Source 'derived': expected carry to name fields of source 'payment', found 'price'",
      ),
      expect.stringContaining("found 'sum'"),
      expect.stringContaining("found no field 'pan'"),
      expect.stringContaining("expected waitMax from '1s' to '1h', found '2h'"),
      expect.stringContaining("expected onBehind 'hold' or 'attach', found 'skip'"),
    ]);
  });

  it('take four that are made of one another, and no more', () => {
    const chain = (length: number): Source => {
      let last: Source = payments;
      for (let n = 0; n < length; n++) {
        const from = last as typeof payments;
        last = derivedSource({
          name: `derived_${n}`,
          from,
          attach: (a) => ({ [`count_${n}`]: a.feature(cards, 'count') }),
        });
      }
      return last;
    };
    expect(problemsOf(chain(4))).toEqual([]);
    expect(problemsOf(chain(5))).toEqual([
      expect.stringContaining(
        "Source 'derived_4': expected at most 4 derived sources that are made of one another",
      ),
    ]);
  });

  it('find a ring, which takes a changed value', () => {
    const ring = derived(count);
    const table = { ...ring };
    Object.assign(table.derivation, { from: table });
    expect(problemsOf(table)).toContainEqual(expect.stringContaining('made of one another, found more'));
  });

  it('refuse sources whose rows change, but for views over them', () => {
    const changing = source({
      name: 'account',
      schema: { id: string(), at: timestamp(), card: string(), limit: number() },
      id: 'id',
      eventTime: 'at',
      clockSkew: '0s',
      changes: true,
    });
    const stays = "expected sources whose events stay, found 'account', whose rows change";
    const limit = { limit: { kind: 'latest', table: changing, field: 'limit', by: { card: 'card' } } } as const;
    expect(problemsOf(derived(count, { attach: limit }))).toEqual([expect.stringContaining(stays)]);
    expect(problemsOf(derived(count, { from: changing, carry: ['id', 'at', 'card'] }))).toContainEqual(
      expect.stringContaining(stays),
    );
    const totals = featureView({
      name: 'totals',
      entity: cards.entity,
      source: changing,
      features: (a) => ({ total: a.sum('limit', { window: 'lifetime' }) }),
    });
    expect(problemsOf(derived((a) => ({ total: a.feature(totals, 'total') })))).toEqual([]);
  });

  it('find problems of what it is made of', () => {
    const broken = { ...payments, clockSkew: '1w' as '1d' };
    const made = derivedSource({ name: 'derived', from: broken, attach: count });
    expect(problemsOf(made)).toEqual([
      expect.stringContaining("Source 'payment': expected one definition"),
      expect.stringContaining("Source 'payment': expected clockSkew"),
      expect.stringContaining("Source 'derived': expected clockSkew"),
    ]);
  });
});
