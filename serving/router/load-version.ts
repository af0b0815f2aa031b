import { platforms, type ModelSignature } from '../../src/contracts/model-bundle.ts';
import { isMillraceError, MillraceError } from '../../src/core/millrace-error.ts';
import type { LoadedBundle } from '../../src/registry/bundle.ts';
import type { SignedService } from '../../src/store/current-services.ts';
import type { BatcherOptions } from '../batcher/batcher.ts';
import type { Batching } from '../batching.ts';
import type { ScoreCache } from '../cache/score-cache.ts';
import type { SessionHost } from '../session-host/session-host.ts';
import { ServingVersion } from './serving-version.ts';

export interface LoadVersionOptions extends Pick<BatcherOptions, 'timers' | 'onBatch' | 'tracer'> {
  readonly batching: Batching;
  /** The feature service that a signature names by digest. @throws FEATURE_SERVICE_UNKNOWN */
  readonly serviceOf: (digest: string) => Promise<SignedService>;
  readonly host: SessionHost;
  /** A cache for the scores of one version, null for none. */
  readonly cacheOf: (digest: string, columns: number) => ScoreCache | null;
}

/**
 * Finds the feature service that a bundle was trained with, opens and verifies its session, warms it. The service need
 * not be the project's: a version goes on reading the versions of views that it was trained with.
 * @throws SERVING_VERSION_REJECTED, SERVING_SESSION_LOST, SERVING_SESSION_FAILED
 */
export async function loadVersion(bundle: LoadedBundle, options: LoadVersionOptions): Promise<ServingVersion> {
  const { signature, version, digest } = bundle;
  const service = await options.serviceOf(signature.serviceDigest).catch((error: unknown) => {
    if (isMillraceError(error) && error.code === 'FEATURE_SERVICE_UNKNOWN') throw rejected(signature, version, error.message);
    throw error;
  });
  const { batching } = options;
  const batchRowsMax = Math.min(signature.batchRowsMax, batching.batchRowsMax ?? Infinity);
  assertServable(signature, version, service, { batchRowsMax, queueRowsMax: batching.queueRowsMax });
  const columns = signature.numericNames.length + signature.categories.length;
  const warm = await options.host.load({
    label: `${bundle.model}/${version}`,
    role: bundle.graph.role,
    path: bundle.graph.path,
    sha256: bundle.graph.sha256,
    columns,
    batchRowsMax,
    tensors: signature.tensors,
    golden: bundle.goldenBatch,
    instances: batching.instances,
    threads: batching.threads,
  });
  return new ServingVersion({ ...options, ...batching, batchRowsMax, version, digest, platform: platforms[bundle.graph.role], signature, program: service.program, warm, cache: options.cacheOf(digest, columns) });
}

function assertServable(
  signature: ModelSignature,
  version: number,
  { program, gone }: SignedService,
  { batchRowsMax, queueRowsMax }: { readonly batchRowsMax: number; readonly queueRowsMax: number },
): void {
  const names = signature.categories.map((category) => category.name);
  if (!sameList(signature.numericNames, program.numericNames) || !sameList(names, program.categoryNames)) {
    throw rejected(signature, version, `its columns are not those of its feature service '${signature.featureService}'. Train it again.`);
  }
  if (gone.length > 0) {
    throw rejected(
      signature,
      version,
      `it reads feature view ${gone.join(', ')}, whose states are gone. Train a version with the present project, or apply that version of the view again.`,
    );
  }
  if (!Number.isInteger(batchRowsMax) || batchRowsMax < 1 || batchRowsMax > queueRowsMax) {
    throw rejected(
      signature,
      version,
      `its largest batch is ${batchRowsMax} rows, expected 1 to ${queueRowsMax}, the rows that its queue holds (MILLRACE_SERVING_QUEUE_ROWS_MAX, or serving.queueRowsMax of the model).`,
    );
  }
}

const rejected = (signature: ModelSignature, version: number, why: string): MillraceError =>
  new MillraceError('SERVING_VERSION_REJECTED', `Model '${signature.model}' version ${version} was refused: ${why}`);

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
