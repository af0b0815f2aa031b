import { boolean, number, string, timestamp } from '../../../src/define/field.ts';
import { model } from '../../../src/define/model.ts';
import { project } from '../../../src/define/project.ts';
import { source } from '../../../src/define/source.ts';
import { delayModel } from './tiny-project.ts';

/** Unlike departures, these have every field that the model takes, as a project that is checked needs it. */
const schedules = source({
  name: 'schedules',
  schema: { flightId: string(), origin: string(), carrier: string(), distance: number(), at: timestamp() },
  id: 'flightId',
  eventTime: 'at',
});
const landings = source({ name: 'landings', schema: { flightId: string(), at: timestamp(), late: boolean() }, id: 'flightId', eventTime: 'at' });

/** The tiny project as a process finds it by `MILLRACE_PROJECT`: the same model by name and service. */
export default project({
  name: 'tiny',
  models: [
    model({
      name: delayModel.name,
      service: delayModel.service,
      examples: { source: schedules, id: 'flightId', decisionTime: { field: 'at' } },
      label: { source: landings, id: 'flightId', value: 'late' },
    }),
  ],
});
