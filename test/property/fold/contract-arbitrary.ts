import fc from 'fast-check';
import type { FeatureView } from '../../../src/define/feature-view.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import { history, type History } from './history-arbitrary.ts';

/** Ages around the distances that the events of a history have from one another. */
const contract = fc.constantFrom<Pick<FeatureView, 'maxAge' | 'onStale' | 'ttl'>>(
  { maxAge: '5m', onStale: 'null' },
  { maxAge: '3h', onStale: 'null' },
  { maxAge: '1h', onStale: 'serve' },
  { ttl: '20m' },
  { ttl: '30h' },
  { maxAge: '10m', onStale: 'null', ttl: '2h' },
);

/** A history whose view has a contract on the ages of its states, but none that refuses. */
export const contractHistory: fc.Arbitrary<History> = fc
  .record({ drawn: history, contract })
  .map(({ drawn, contract: terms }) => {
    const view: FeatureView = { ...drawn.view, ...terms };
    return { ...drawn, view, program: compileView(view) };
  });
