import type { FeatureService } from './feature-service.ts';
import type { Field, Schema } from './field.ts';

/** A field that an instance must carry, and what asks for it. */
export interface RequestField {
  readonly name: string;
  readonly field: Field;
  readonly askedBy: string;
}

/** Every wish for a field of the instance: entity keys, on-demand inputs, request features, in this order. */
export function requestFieldsOf(service: FeatureService): readonly RequestField[] {
  const views = [...service.views, ...service.onDemand.flatMap((feature) => Object.values(feature.views))];
  return [
    ...views.flatMap((view) =>
      view.entity.keys.map((name) => ({
        name,
        field: { type: 'string', nullable: true } as const,
        askedBy: `entity '${view.entity.name}'`,
      })),
    ),
    ...service.onDemand.flatMap((feature) =>
      Object.entries(feature.request).map(([name, field]) => ({
        name,
        field,
        askedBy: `on-demand feature '${feature.name}'`,
      })),
    ),
    ...Object.entries(service.request).map(([name, field]) => ({ name, field, askedBy: 'request features' })),
  ];
}

/** All fields that an instance carries. A field that several ask for may be null only where all of them allow it. */
export function requestSchemaOf(service: FeatureService): Schema {
  const schema: Record<string, Field> = {};
  for (const { name, field } of requestFieldsOf(service)) {
    schema[name] = { type: field.type, nullable: field.nullable && (schema[name]?.nullable ?? true) };
  }
  return schema;
}
