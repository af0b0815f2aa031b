import type { FeatureView } from './feature-view.ts';
import type { Field, Schema } from './field.ts';
import type { OnDemandFeature } from './on-demand.ts';

type UnionToIntersection<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void
  ? I
  : never;
type Flat<T> = { [K in keyof T]: T[K] };

type KeysOf<V> = V extends FeatureView<string, string, infer K> ? K : never;
type RequestOf<D> =
  D extends OnDemandFeature<string, infer R, Readonly<Record<string, FeatureView>>> ? R : never;
type ViewsOf<D> = D extends OnDemandFeature<string, Schema, infer V> ? V[keyof V] : never;

/** Fields that a prediction request carries: entity keys, on-demand inputs and request features. */
export type ServiceSchema<
  Views extends readonly FeatureView[],
  OnDemand extends readonly OnDemandFeature[],
  R extends Schema,
> = Flat<
  // A key that is also a request feature has the request's type: it may then be required.
  Record<Exclude<KeysOf<Views[number]> | KeysOf<ViewsOf<OnDemand[number]>>, keyof R>, Field<'string', true>> &
    (OnDemand['length'] extends 0 ? unknown : UnionToIntersection<RequestOf<OnDemand[number]>>) &
    R
>;

/**
 * The ordered features that a model takes: every feature of each view named `view.feature`, then the
 * on-demand features, then the request's numbers and, last, the request's strings as categories.
 */
export interface FeatureService<
  Name extends string = string,
  Request extends Schema = Schema,
  Feature extends string = string,
> {
  readonly kind: 'featureService';
  readonly name: Name;
  readonly views: readonly FeatureView[];
  readonly onDemand: readonly OnDemandFeature[];
  /** Request fields that are features themselves: numbers and booleans as numbers, strings as categories. */
  readonly request: Schema;
  /** Features that are read but not given to the model, as `view.feature`. */
  readonly exclude: readonly string[];
  /** Phantom: the type of a request. */
  readonly requestType?: Request;
  /** Phantom: the names of the row. */
  readonly featureType?: Feature;
}

/** Names of the features of a view, as a service has them. */
export type FeatureNames<V> = V extends FeatureView<infer N, infer F, string> ? `${N}.${F}` : never;

export function featureService<
  const Name extends string,
  const Views extends readonly FeatureView[],
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any on-demand feature, whatever its request and views
  const OnDemand extends readonly OnDemandFeature<string, any, any>[] = [],
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- no request features is the empty record
  R extends Schema = {},
  const X extends FeatureNames<Views[number]> = never,
>(definition: {
  name: Name;
  views: Views;
  onDemand?: OnDemand;
  request?: R;
  exclude?: readonly X[];
}): FeatureService<
  Name,
  ServiceSchema<Views, OnDemand, R> & Schema,
  Exclude<FeatureNames<Views[number]>, X> | OnDemand[number]['name'] | (keyof R & string)
> {
  return {
    kind: 'featureService',
    name: definition.name,
    views: definition.views,
    onDemand: definition.onDemand ?? [],
    request: definition.request ?? {},
    exclude: definition.exclude ?? [],
  };
}
