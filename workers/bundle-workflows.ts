import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import type { Logger } from '../src/infra/logger.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Everything that a workflow may import. */
const bundledFolders = ['workflows', 'src/contracts', 'src/core'];

const require = createRequire(import.meta.url);
/** Temporal's own: they hand the trace on from the start of a workflow to its activities and children. */
const TRACING_MODULE = '@temporalio/interceptors-opentelemetry/lib/workflow-interceptors';

/**
 * The workflow code as one script, with the interceptors of tracing where it is on; bundling takes seconds, so the result is kept under the cache
 * directory by the digest of what went in.
 */
export async function bundleWorkflows(cacheDirectory: string, logger: Logger, isTraced = false): Promise<{ code: string }> {
  const file = path.join(cacheDirectory, `workflows-${await digestOfSources(isTraced)}.js`);
  const cached = await readFile(file, 'utf8').catch(() => null);
  if (cached !== null) return { code: cached };
  const { code } = await bundle(logger, isTraced);
  await mkdir(cacheDirectory, { recursive: true });
  const draft = `${file}.${randomUUID()}.tmp`;
  await writeFile(draft, code);
  await rename(draft, file);
  return { code };
}

function bundle(logger: Logger, isTraced: boolean): Promise<WorkflowBundleWithSourceMap> {
  const say = (level: 'debug' | 'warn' | 'error') => (message: string, meta?: object) => logger[level](meta ?? {}, message);
  return bundleWorkflowCode({
    workflowsPath: path.join(root, 'workflows/index.ts'),
    workflowInterceptorModules: isTraced ? [require.resolve(TRACING_MODULE)] : [],
    logger: {
      log: (_level, message, meta) => logger.debug(meta ?? {}, message),
      trace: say('debug'),
      debug: say('debug'),
      info: say('debug'),
      warn: say('warn'),
      error: say('error'),
    },
  });
}

async function digestOfSources(isTraced: boolean): Promise<string> {
  const hash = createHash('sha256');
  const sdk = require('@temporalio/workflow/package.json') as { readonly version: string };
  // All packages of the SDK have one version.
  hash.update(sdk.version).update(isTraced ? TRACING_MODULE : '');
  for (const folder of bundledFolders) {
    const files = (await readdir(path.join(root, folder))).filter((file) => file.endsWith('.ts')).sort();
    for (const file of files) hash.update(file).update(await readFile(path.join(root, folder, file)));
  }
  return hash.digest('hex').slice(0, 32);
}
