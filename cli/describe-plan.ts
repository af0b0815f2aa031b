import type { Plan } from '../src/store/plan-project.ts';
import { renderTable } from './table.ts';

/** What a script wants to know of a plan. */
export const planDocument = ({ steps, problems, modelsTouched }: Plan) => ({
  steps,
  problems,
  modelsTouched,
});

export function describePlan(plan: Plan): string {
  const steps =
    plan.steps.length === 0
      ? 'Nothing to do: the project is applied as it is.'
      : renderTable(
          [{ title: 'DO' }, { title: 'WHAT' }, { title: 'NAME' }, { title: 'DETAIL' }],
          plan.steps.map(({ action, kind, name, detail }) => [action, kind, name, detail]),
        );
  return [
    steps,
    ...(plan.modelsTouched.length === 0 ? [] : [`Models touched: ${plan.modelsTouched.join(', ')}`]),
    ...plan.problems.map(({ code, message }) => `Can't be applied: ${message} (${code})`),
  ].join('\n\n');
}
