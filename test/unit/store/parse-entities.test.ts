import { describe, expect, it } from 'vitest';
import { compileView } from '../../../src/fold/compile-view.ts';
import { planViews } from '../../../src/store/online-catalog.ts';
import { parseEntities } from '../../../src/store/parse-entities.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';

const plan = planViews([compileView(originDepartures)]);
const [key] = Object.keys(plan.schema) as [string];

describe('the entities of an online read', () => {
  it('are rows of the plan, a missing key counting as null', () => {
    expect(parseEntities(plan, [{ [key]: 'EWR' }, {}])).toEqual([{ [key]: 'EWR' }, { [key]: null }]);
  });

  it('are refused with up to 50 problems, and the number of those beyond', () => {
    const wrong = Array.from({ length: 53 }, () => ({ [key]: 7 }));
    const refusal = (entities: unknown[]): string => {
      try {
        parseEntities(plan, entities);
      } catch (error) {
        expect(error).toMatchObject({ code: 'REQUEST_INVALID' });
        return (error as Error).message;
      }
      throw new Error('expected a refusal');
    };
    expect(refusal(wrong).match(/entities\[\d+\]/g)).toHaveLength(50);
    expect(refusal(wrong)).toContain('; and 3 more.');
    expect(refusal(wrong.slice(0, 50))).not.toContain('more');
  });

  it('are refused where they name a field that nothing asks for, its name cut short', () => {
    const long = 'x'.repeat(300);
    expect(() => parseEntities(plan, [{ [key]: 'EWR', [long]: 1 }])).toThrow(`entities[0]: field '${'x'.repeat(200)}...': nothing`);
  });
});
