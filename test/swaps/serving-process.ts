/** The serving process under test: that of `workers/serving.ts`, with a project that needs no file. */
import '../../workers/stop-with-parent.ts';
import { loadServingSettings } from '../../serving/settings.ts';
import { startServing } from '../../serving/start-serving.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { stopOnSignal } from '../../workers/stop-on-signal.ts';
import { tinyProject } from '../support/serving/tiny-project.ts';

const environment = processEnvironment();
const config = loadBaseConfig(environment);
const logger = createLogger('serving', config.logLevel);
const serving = await startServing({ project: tinyProject, config, settings: loadServingSettings(environment), logger });
process.send?.(serving.url);
stopOnSignal(logger, () => serving.stop());
