/** The serving process that bad clients and bad models meet. */
import '../../../../workers/stop-with-parent.ts';
import { runServing } from '../../../support/serving/run-serving.ts';
import { troubledProject } from '../../../support/serving/troubled-project.ts';

await runServing(troubledProject);
