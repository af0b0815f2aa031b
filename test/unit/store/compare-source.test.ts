import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../src/core/json.ts';
import { entity } from '../../../src/define/entity.ts';
import { featureView } from '../../../src/define/feature-view.ts';
import { boolean, nullable, number, string, timestamp, type Schema } from '../../../src/define/field.ts';
import { source, type Source } from '../../../src/define/source.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import { compareSource } from '../../../src/store/compare-source.ts';

const applied = source({
  name: 'payment',
  schema: {
    paymentId: string(),
    cardId: string(),
    amount: number(),
    tip: nullable(number()),
    note: nullable(string()),
    online: boolean(),
    shop: string(),
    paidAt: timestamp(),
  },
  id: 'paymentId',
  eventTime: 'paidAt',
});

const cards = featureView({
  name: 'cards',
  version: 3,
  entity: entity({ name: 'card', keys: ['cardId'] }),
  source: applied,
  features: (a) => ({
    mean: a.mean('amount', { window: '1h' }),
    online: a.count({ window: '1h', where: { online: true, shop: 'a' } }),
  }),
});

const live = [{ program: compileView(cards), state: 'retiring' as const }];

/** What comes of the source with these fields changed, taken out (undefined) or added, and other settings. */
function changed(fields: Readonly<Record<string, Schema[string] | undefined>>, over: Partial<Source> = {}) {
  const entries: readonly [string, Schema[string] | undefined][] = Object.entries({ ...applied.schema, ...fields });
  const schema = Object.fromEntries(entries.filter(([, field]) => field !== undefined));
  const now = { ...applied, ...over, schema } as unknown as Source;
  return compareSource(now, JSON.parse(JSON.stringify(applied)) as JsonValue, live);
}

const textsOf = (change: ReturnType<typeof changed>): string[] => change.problems.map(({ message }) => message);

describe('a changed source', () => {
  it('that was never applied has only its names checked', () => {
    const named = { ...applied, schema: { ...applied.schema, known_time: timestamp() } };
    expect(compareSource(named, undefined, []).problems).toEqual([
      {
        code: 'PLAN_SOURCE_INCOMPATIBLE',
        message: "Source 'payment': the field 'known_time' has the name of a column of the offline log. Rename it.",
      },
    ]);
  });

  it('may gain a nullable field, and no required one', () => {
    const gained = changed({ fee: nullable(number()) });
    expect(gained).toMatchObject({ problems: [], newColumns: [{ source: 'payment', name: 'fee' }] });
    expect(textsOf(changed({ fee: number() }))).toEqual([
      "Source 'payment': the new field 'fee' is required, but the events of the past don't have it. Make it nullable.",
    ]);
  });

  it('may lose a nullable field that no view reads', () => {
    expect(changed({ note: undefined })).toMatchObject({
      problems: [],
      dropped: [{ source: 'payment', name: 'note' }],
    });
  });

  it('may not lose a required field, nor one that a view still reads, be it of an older version', () => {
    expect(textsOf(changed({ amount: undefined }))).toEqual([
      "Source 'payment': the field 'amount' is gone, and feature view 'cards' version 3 reads it. Keep it until no model version needs the view.",
    ]);
    expect(textsOf(changed({ shop: undefined }))[0]).toContain("'cards' version 3 reads it");
    const unread = compareSource(
      { ...applied, schema: { ...applied.schema, shop: undefined } as unknown as Schema },
      JSON.parse(JSON.stringify(applied)) as JsonValue,
      [],
    );
    expect(unread.problems[0]?.message).toContain("the required field 'shop' is gone. Make it nullable first");
  });

  it('may have a required field become nullable where no view aggregates it', () => {
    // A condition never passes for a null: what the view means stays what it was.
    expect(changed({ shop: nullable(string()), online: nullable(boolean()) })).toMatchObject({
      problems: [],
      loosened: [
        { source: 'payment', name: 'online' },
        { source: 'payment', name: 'shop' },
      ],
    });
    expect(textsOf(changed({ amount: nullable(number()) }))).toEqual([
      "Source 'payment': the field 'amount' was number and is now nullable number, and feature view 'cards' version 3 counts on a value in each event. Keep it, and add a nullable field of another name for a new version of the view.",
    ]);
  });

  it('may not have a nullable field become required, nor any type change', () => {
    expect(textsOf(changed({ tip: number() }))[0]).toContain('Events of the past may hold null. Keep it nullable.');
    expect(textsOf(changed({ online: number() }))[0]).toContain(
      'was boolean and is now number. A number has room for it, but log, states and model versions hold the old type.',
    );
    expect(textsOf(changed({ note: nullable(number()) }))[0]).toContain(
      'was nullable string and is now nullable number. The log, states',
    );
  });

  it('keeps what events, topics and positions are made by; all problems come together', () => {
    expect(
      textsOf(changed({ tip: undefined, amount: string() }, { partitions: 7, knownTime: 'carried' })),
    ).toHaveLength(3);
    expect(changed({}, { clockSkew: '1h', dedupeWindow: '2d' }).problems).toEqual([]);
  });
});
