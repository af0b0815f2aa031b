import { describe, expect, it } from 'vitest';
import { project, source, string, timestamp } from '../../../src/index.ts';
import { assertProject, validateProject } from '../../../src/define/validate-project.ts';
import { payments, cardEntity, cards, service, fraud, problemsOfFeature } from './payments-project.ts';

describe('a project without problems', () => {
  it('is accepted', () => {
    const good = project({ name: 'payments', models: [fraud] });
    expect(validateProject(good)).toEqual([]);
    expect(() => assertProject(good)).not.toThrow();
  });
});

describe('a project with problems', () => {
  it('is refused with all of them at once', () => {
    const bad = project({
      name: 'My Project',
      models: [{ ...fraud, seed: -1 }],
      views: [{ ...cards, name: 'other', partitions: 0 }],
    });
    expect(validateProject(bad)).toHaveLength(3);
    expect(() => assertProject(bad)).toThrow(
      expect.objectContaining({
        code: 'PROJECT_INVALID',
        details: { problems: validateProject(bad) },
      }) as Error,
    );
    expect(() => assertProject(bad)).toThrow(/^Project 'My Project' has 3 problems:\n- .*\n- .*\n- .*$/);
  });

  it('says what, which, expected, found and what next', () => {
    expect(problemsOfFeature({ window: '90m', hop: '1h' })).toEqual([
      "Feature view 'card_activity', feature 'f': expected a window that is a multiple of the hop '1h', found '90m'. Leave the hop out to get '2m'.",
    ]);
  });

  it('may not give one name to two definitions', () => {
    const twice = (definitions: object) => validateProject(project({ name: 'p', ...definitions }));
    const clock = source({
      name: 'payment',
      schema: { id: string(), at: timestamp() },
      id: 'id',
      eventTime: 'at',
    });
    expect(twice({ sources: [payments, clock] })).toEqual([expect.stringContaining('found 2 that differ')]);
    expect(twice({ sources: [payments, { ...payments }] })).toEqual([
      expect.stringContaining('in the same words'),
    ]);
    expect(twice({ views: [cards, { ...cards, version: 2 }] })).toEqual([
      expect.stringContaining("Feature view 'card_activity': expected one definition"),
    ]);
    expect(twice({ services: [service, { ...service, views: [] }] })).toHaveLength(1);
    expect(twice({ models: [fraud, { ...fraud, seed: 9 }] })).toHaveLength(1);
    expect(
      twice({ views: [cards, { ...cards, name: 'b', entity: { ...cardEntity, keys: ['note'] } }] }),
    ).toContainEqual(expect.stringContaining("Entity 'card': expected one definition"));
  });
});
