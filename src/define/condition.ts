import type { Field, FieldValue, Schema } from './field.ts';

type Comparison<V> = V extends number
  ? {
      readonly eq?: V;
      readonly ne?: V;
      readonly lt?: V;
      readonly lte?: V;
      readonly gt?: V;
      readonly gte?: V;
      readonly in?: readonly V[];
      readonly notIn?: readonly V[];
    }
  : { readonly eq?: V; readonly ne?: V; readonly in?: readonly V[]; readonly notIn?: readonly V[] };

type Test<F extends Field> =
  NonNullable<FieldValue<F>> | Comparison<NonNullable<FieldValue<F>>> | { readonly isNull: boolean };

/**
 * Which events an aggregation counts: data, not code, so that the fold, SQL and a digest all read the
 * same thing. Every named field must pass; a comparison with null never does.
 */
export type Condition<S extends Schema = Schema> = { readonly [K in keyof S]?: Test<S[K]> };
