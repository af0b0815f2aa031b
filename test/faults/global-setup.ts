import type { TestProject } from 'vitest/node';
import { createProgressRenderer } from '../../stack/progress-renderer.ts';
import { createStackDirectory } from '../support/stack-directory.ts';
import { FaultServers, restartableServers } from './fault-servers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    faultsDataDir: string;
  }
}

/** Starts the servers of this run, which share nothing with those of other tests, and removes them after it. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const directory = await createStackDirectory();
  const renderer = createProgressRenderer(process.stderr);
  try {
    const servers = new FaultServers(directory.path, renderer.onProgress);
    await Promise.all(restartableServers.map((server) => servers.start(server)));
  } catch (error) {
    await directory.remove();
    throw error;
  } finally {
    renderer.close();
  }
  project.provide('faultsDataDir', directory.path);
  return directory.remove;
}
