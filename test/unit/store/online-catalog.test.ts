import { describe, expect, it } from 'vitest';
import { OnlineCatalog, type OnlineSelection } from '../../../src/store/online-catalog.ts';
import { parseEntities } from '../../../src/store/parse-entities.ts';
import { contractProject } from '../../support/serving/contract-project.ts';

const catalog = new OnlineCatalog(contractProject({}));
const planOf = (selection: OnlineSelection) => {
  const { names, views, schema } = catalog.plan(selection);
  return { names, views: views.map((view) => view.name), fields: Object.keys(schema) };
};

describe('the catalog', () => {
  it('plans views, features in the order asked for, and a service with all that its row holds', () => {
    expect(planOf({ views: ['carrier_departures'] })).toEqual({
      names: ['carrier_departures.mean1h', 'carrier_departures.count1h'],
      views: ['carrier_departures'],
      fields: ['carrier'],
    });
    const features = ['carrier_departures.count1h', 'origin_departures.delay1h', 'carrier_departures.mean1h'];
    expect(planOf({ features })).toEqual({
      names: features,
      views: ['carrier_departures', 'origin_departures'],
      fields: ['carrier', 'origin'],
    });
    expect(planOf({ service: 'both' })).toEqual({
      names: [
        'origin_departures.departed1h',
        'origin_departures.delay1h',
        'carrier_departures.mean1h',
        'carrier_departures.count1h',
        'excess',
        'carrier',
      ],
      views: ['origin_departures', 'carrier_departures'],
      fields: ['origin', 'carrier', 'distance'],
    });
  });

  it('keeps the plan of a selection, and takes no other names for the same', () => {
    const names = ['carrier_departures', 'origin_departures'];
    const plan = catalog.plan({ views: names });
    expect(catalog.plan({ views: [...names] })).toBe(plan);
    expect(catalog.plan({ views: names.toReversed() }).names).not.toEqual(plan.names);
    expect(() => catalog.plan({ views: [names.join('\n')] })).toThrowError(/not in the project/);
    expect(() => catalog.plan({ features: names })).toThrowError(/not in the project/);
  });

  it.each<[string, OnlineSelection, RegExp]>([
    ['service', { service: 'none' }, /feature service 'none': not in the project. It has: both\./],
    ['views, all at once', { views: ['a', 'origin_departures', 'b'] }, /'a', feature view 'b': not/],
    [
      'features, all at once',
      { features: ['a', 'origin_departures.none', 'origin_departures'] },
      /'a', .*'origin_departures.none', .*'origin_departures': not/,
    ],
  ])('names an unknown %s', (_what, selection, message) => {
    expect(() => catalog.plan(selection)).toThrowError(
      expect.objectContaining({
        code: 'FEATURE_NOT_FOUND',
        message: expect.stringMatching(message) as string,
      }) as Error,
    );
  });

  it.each<[string, OnlineSelection, RegExp]>([
    ['nothing', { views: [] }, /expected 1 to 1024 names in 'views', found 0/],
    ['too much', { features: Array.from({ length: 1025 }, (_, i) => `f${i}`) }, /found 1025/],
    ['one name twice', { views: ['origin_departures', 'origin_departures'] }, /'origin_departures' again/],
  ])('refuses to read %s', (_what, selection, message) => {
    expect(() => catalog.plan(selection)).toThrowError(
      expect.objectContaining({
        code: 'REQUEST_INVALID',
        message: expect.stringMatching(message) as string,
      }) as Error,
    );
  });
});

describe('entities', () => {
  const plan = catalog.plan({ service: 'both' });

  it('are rows of the fields that the read asks for; a missing one that may be null is null', () => {
    expect(parseEntities(plan, [{ carrier: 'UA', distance: 7 }])).toEqual([
      { origin: null, carrier: 'UA', distance: 7 },
    ]);
  });

  it('are refused with all problems together, a misspelt field among them', () => {
    const wrong = [{ carrier: 'UA', distance: 7 }, { carrier: 1, distance: 7, orgin: 'EWR' }, 'EWR'];
    expect(() => parseEntities(plan, wrong)).toThrowError(
      expect.objectContaining({
        code: 'REQUEST_INVALID',
        message: expect.stringMatching(
          /entities\[1\]: field 'carrier'.*entities\[1\]: field 'orgin': nothing that is read.*entities\[2\]: expected an object.*'origin', 'carrier', 'distance'/,
        ) as string,
      }) as Error,
    );
    const many = Array.from({ length: 60 }, () => ({ distance: 'far' }));
    expect(() => parseEntities(plan, many)).toThrowError(/and 70 more/);
  });
});
