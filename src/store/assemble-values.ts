import type { Row } from '../define/field.ts';
import { assembleRow, type ServiceProgram } from '../fold/compile-service.ts';
import type { OnlineReadPlan } from './online-catalog.ts';

/** The values of one row of a plan, in the order of its names, from per view the features that were read for it. */
export type AssembleValues = (
  viewValues: readonly Float64Array[],
  row: Row,
  asOf: number,
) => (number | string | null)[];

/** Made once per request: a service's row goes through one scratch array. The answer's function throws FEATURE_ON_DEMAND_FAILED. */
export function valuesAssembler(plan: OnlineReadPlan): AssembleValues {
  return plan.service === null ? selectedValues(plan) : serviceValues(plan.service);
}

function selectedValues({ columns }: OnlineReadPlan): AssembleValues {
  return (viewValues) => {
    const out = new Array<number | null>(columns.length);
    for (let c = 0; c < columns.length; c++) {
      const { view, feature } = columns[c]!;
      const value = viewValues[view]![feature]!;
      out[c] = Number.isNaN(value) ? null : value;
    }
    return out;
  };
}

function serviceValues(service: ServiceProgram): AssembleValues {
  const numbers = new Float32Array(service.numericNames.length);
  const categories = new Array<string | null>(service.categoryNames.length).fill(null);
  return (viewValues, row, asOf) => {
    assembleRow(service, viewValues, row, asOf, numbers, 0, categories, 0);
    const out: (number | string | null)[] = Array.from(numbers, (value) =>
      Number.isNaN(value) ? null : value,
    );
    out.push(...categories);
    return out;
  };
}
