/** The serving process under test: that of `workers/serving.ts`, with a project that needs no file. */
import '../../workers/stop-with-parent.ts';
import { runServing } from '../support/serving/run-serving.ts';
import { tinyProject } from '../support/serving/tiny-project.ts';

await runServing(tinyProject);
