import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../../core/millrace-error.ts';
import { importInvalid } from './import-problem.ts';

/** The largest ONNX file that is taken. */
export const MODEL_FILE_BYTES_MAX = 512 * 1024 * 1024;

export interface ModelFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** @throws MillraceError MODEL_IMPORT_INVALID */
export async function readModelFile(model: string, file: string, bytesMax = MODEL_FILE_BYTES_MAX): Promise<ModelFile> {
  const name = path.basename(file);
  const found = await stat(file).catch((cause: unknown) => {
    throw importInvalid(model, name, [`it could not be read (${messageOf(cause)})`]);
  });
  if (!found.isFile()) throw importInvalid(model, name, ['it is not a file']);
  if (found.size === 0 || found.size > bytesMax) {
    throw importInvalid(model, name, [`expected 1 to ${bytesMax} bytes, found ${found.size}`]);
  }
  return { name, bytes: await readFile(file) };
}
