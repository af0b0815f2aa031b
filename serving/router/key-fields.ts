import type { ServiceProgram } from '../../src/fold/compile-service.ts';

/** Key fields of all entities that a service reads, in the order of its views: the split goes by them. */
export const keyFieldsOf = ({ views }: ServiceProgram): string[] => [
  ...new Set(views.flatMap(({ view }) => view.entity.keys)),
];
