/** Type of one field of a source's payload or of a prediction request. */
export type FieldType = 'string' | 'number' | 'boolean' | 'timestamp';

export interface Field<T extends FieldType = FieldType, N extends boolean = boolean> {
  readonly type: T;
  readonly nullable: N;
}

export type Schema = Readonly<Record<string, Field>>;

interface ValueByType {
  string: string;
  number: number;
  boolean: boolean;
  /** Milliseconds since the epoch once parsed; payloads may also carry ISO 8601 text. */
  timestamp: number;
}

export type FieldValue<F extends Field> =
  ValueByType[F['type']] | (true extends F['nullable'] ? null : never);

/** A parsed payload. */
export type Row<S extends Schema = Schema> = { readonly [K in keyof S]: FieldValue<S[K]> };

/** Names of the fields of a schema that have one of the types. */
export type FieldNames<S extends Schema, T extends FieldType> = {
  [K in keyof S]: S[K]['type'] extends T ? K : never;
}[keyof S] &
  string;

/** Names that a schema spells out; `keyof` would give every text where it also has an index signature. */
export type KnownKeys<S> = keyof { [K in keyof S as string extends K ? never : K]: never } & string;

export const string = (): Field<'string', false> => ({ type: 'string', nullable: false });
export const number = (): Field<'number', false> => ({ type: 'number', nullable: false });
export const boolean = (): Field<'boolean', false> => ({ type: 'boolean', nullable: false });
export const timestamp = (): Field<'timestamp', false> => ({ type: 'timestamp', nullable: false });

/** The field may be null or missing. */
export const nullable = <T extends FieldType>(field: Field<T, false>): Field<T, true> => ({
  type: field.type,
  nullable: true,
});

/** A field of a schema by its name; what every object has is none. */
export const fieldIn = (schema: Schema, name: string): Field | undefined => (Object.hasOwn(schema, name) ? schema[name] : undefined);
