import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import type { ModelSource } from './session.ts';

/** @throws SERVING_VERSION_REJECTED where the file can't be read or has another digest */
export async function readVerified(source: ModelSource): Promise<Buffer> {
  const bytes = await readFile(source.path).catch((cause: unknown) => {
    throw rejectSource(source, `it could not be read (${messageOf(cause)})`);
  });
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== source.sha256) throw rejectSource(source, `its sha256 is ${found}, expected ${source.sha256}`);
  return bytes;
}

export const rejectSource = ({ path }: ModelSource, why: string): MillraceError =>
  new MillraceError('SERVING_VERSION_REJECTED', `Model file '${path}' was refused: ${why}. Register the version again from its training run.`);
