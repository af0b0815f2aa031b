import type { FeatureView } from './feature-view.ts';
import type { Row, Schema } from './field.ts';

type FeaturesOf<V> =
  V extends FeatureView<string, infer F, string> ? { readonly [K in F]: number | null } : never;

/** What an on-demand feature is computed from: one object per named view, the request and the decision time. */
export type OnDemandInput<Views extends Readonly<Record<string, FeatureView>>, R extends Schema> = {
  readonly [K in keyof Views]: FeaturesOf<Views[K]>;
} & { readonly request: Row<R>; readonly asOf: number };

/** Pure function of request fields and features. */
export interface OnDemandFeature<
  Name extends string = string,
  R extends Schema = Schema,
  Views extends Readonly<Record<string, FeatureView>> = Readonly<Record<string, FeatureView>>,
> {
  readonly kind: 'onDemandFeature';
  readonly name: Name;
  readonly views: Views;
  readonly request: R;
  // A method, so that a definition with precise types is still an OnDemandFeature.
  compute(input: Readonly<Record<string, unknown>>): number | boolean | null;
}

export function onDemand<
  const Name extends string,
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- no views is the empty record
  Views extends Readonly<Record<string, FeatureView>> = {},
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- no request is the empty record
  R extends Schema = {},
>(definition: {
  name: Name;
  views?: Views;
  request?: R;
  compute: (input: OnDemandInput<Views, R>) => number | boolean | null;
}): OnDemandFeature<Name, R, Views> {
  return {
    kind: 'onDemandFeature',
    name: definition.name,
    views: definition.views ?? ({} as Views),
    request: definition.request ?? ({} as R),
    compute: definition.compute,
  };
}
