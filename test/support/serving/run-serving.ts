import { loadServingSettings } from '../../../serving/settings.ts';
import { startServing } from '../../../serving/start-serving.ts';
import type { Project } from '../../../src/define/project.ts';
import { loadBaseConfig } from '../../../src/infra/base-config.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { processEnvironment } from '../../../src/infra/process-environment.ts';
import { stopOnSignal } from '../../../workers/stop-on-signal.ts';

/** What a serving process tells the test that started it. */
export interface ServingAddresses {
  readonly url: string;
  readonly grpcAddress: string;
}

/** Runs in a process of its own what `workers/serving.ts` runs, with a project that needs no file. */
export async function runServing(project: Project): Promise<void> {
  const environment = processEnvironment();
  const config = loadBaseConfig(environment);
  const logger = createLogger('serving', config.logLevel);
  const serving = await startServing({ project, config, settings: loadServingSettings(environment), logger });
  const addresses: ServingAddresses = { url: serving.url, grpcAddress: serving.grpcAddress };
  process.send?.(addresses);
  stopOnSignal(logger, () => serving.stop());
}
