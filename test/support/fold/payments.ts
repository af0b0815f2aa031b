import type { FeatureView } from '../../../src/define/feature-view.ts';
import type { Row } from '../../../src/define/field.ts';
import { compileView, prepareEvent, type ViewProgram } from '../../../src/fold/compile-view.ts';
import { applyEvent, createState, readFeatures, type ViewState } from '../../../src/fold/view-state.ts';
import {
  boolean,
  entity,
  featureView,
  nullable,
  number,
  source,
  string,
  timestamp,
} from '../../../src/index.ts';
import type { FeatureDefinition } from '../../../src/define/aggregation.ts';
import type { Aggregations } from '../../../src/define/aggregations.ts';
import type { FeatureNamesOf } from '../../../src/define/feature-names.ts';

export const payments = source({
  name: 'payment',
  schema: {
    id: string(),
    at: timestamp(),
    card: string(),
    amount: number(),
    fee: nullable(number()),
    online: nullable(boolean()),
    country: nullable(string()),
    settledAt: nullable(timestamp()),
  },
  id: 'id',
  eventTime: 'at',
});

export const card = entity({ name: 'card', keys: ['card'] });

export function cardView<const F extends Readonly<Record<string, FeatureDefinition>>>(
  features: (a: Aggregations<typeof payments.schema>) => F,
): FeatureView<'card_activity', FeatureNamesOf<F>, 'card'> {
  return featureView({ name: 'card_activity', entity: card, source: payments, features });
}

export const START_MS = Date.UTC(2024, 0, 1);
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

export const payment = (fields: Partial<Row> = {}): Row => ({
  id: 'p',
  at: START_MS,
  card: 'c',
  amount: 1,
  fee: null,
  online: null,
  country: null,
  settledAt: null,
  ...fields,
});

/** One key of a view, fed by hand: times are ms after START_MS. */
export class OneKey {
  readonly program: ViewProgram;
  readonly state: ViewState;
  #nextOffset = 0;

  constructor(view: FeatureView) {
    this.program = compileView(view);
    this.state = createState(this.program);
  }

  add(effectiveTime: number, fields: Partial<Row> = {}, knownTime = effectiveTime): this {
    const inputs = new Float64Array(this.program.inputCount);
    prepareEvent(this.program, payment(fields), inputs, 0);
    const offset = this.#nextOffset++;
    applyEvent(
      this.program,
      this.state,
      0,
      offset,
      START_MS + effectiveTime,
      START_MS + knownTime,
      inputs,
      0,
    );
    return this;
  }

  read(asOf: number): Record<string, number> {
    const out = new Float64Array(this.program.featureNames.length);
    readFeatures(this.program, this.state, START_MS + asOf, out, 0);
    return Object.fromEntries(this.program.featureNames.map((name, i) => [name, out[i]!]));
  }
}
