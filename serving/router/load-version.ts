import type { ModelSignature } from '../../src/contracts/model-bundle.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { ServiceProgram } from '../../src/fold/compile-service.ts';
import type { LoadedBundle } from '../../src/registry/bundle.ts';
import { serviceDigest } from '../../src/store/service-digest.ts';
import type { BatcherOptions } from '../batcher/batcher.ts';
import type { SessionHost } from '../session-host/session-host.ts';
import { ServingVersion } from './serving-version.ts';

export interface LoadVersionOptions extends Pick<
  BatcherOptions,
  'queueRowsMax' | 'minimumWaitMs' | 'timers' | 'onBatch'
> {
  readonly program: ServiceProgram;
  readonly host: SessionHost;
}

/**
 * Checks a bundle against the project's feature service, opens and verifies its session, warms it.
 * @throws SERVING_VERSION_REJECTED, SERVING_SESSION_LOST, SERVING_SESSION_FAILED
 */
export async function loadVersion(bundle: LoadedBundle, options: LoadVersionOptions): Promise<ServingVersion> {
  const { signature, version, digest } = bundle;
  assertServable(signature, version, options);
  const warm = await options.host.load({
    label: `${bundle.model}/${version}`,
    path: bundle.onnxPath,
    sha256: bundle.manifest.files['model.onnx'],
    columns: signature.numericNames.length + signature.categories.length,
    batchRowsMax: signature.batchRowsMax,
    golden: bundle.goldenBatch,
  });
  return new ServingVersion({ ...options, version, digest, signature, warm });
}

function assertServable(signature: ModelSignature, version: number, { program, queueRowsMax }: LoadVersionOptions): void {
  const reject = (why: string): MillraceError =>
    new MillraceError('SERVING_VERSION_REJECTED', `Model '${signature.model}' version ${version} was refused: ${why}`);
  const expected = serviceDigest(program);
  const found = signature.serviceDigest;
  const names = signature.categories.map((category) => category.name);
  const sameRow =
    sameList(signature.numericNames, program.numericNames) && sameList(names, program.categoryNames);
  if (found !== expected || !sameRow) {
    throw reject(
      `it was trained with feature service '${signature.featureService}' of digest ${found}, the loaded project's has ${expected}. ` +
        'Train a version with the present project, or start serving with the project that it was trained with.',
    );
  }
  const { batchRowsMax } = signature;
  if (!Number.isInteger(batchRowsMax) || batchRowsMax < 1 || batchRowsMax > queueRowsMax) {
    throw reject(`its largest batch is ${batchRowsMax} rows, expected 1 to ${queueRowsMax} (MILLRACE_SERVING_QUEUE_ROWS_MAX).`);
  }
}

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
