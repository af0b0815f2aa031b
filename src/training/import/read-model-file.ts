import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ModelGraph } from '../../contracts/model-bundle.ts';
import { messageOf } from '../../core/millrace-error.ts';
import { importInvalid } from './import-problem.ts';
import { readSavedModel } from './read-saved-model.ts';

/** The largest model that is taken, with its weights. */
export const MODEL_FILE_BYTES_MAX = 512 * 1024 * 1024;

/** A model as one file of a bundle. */
export interface ModelFile extends ModelGraph {
  readonly name: string;
  readonly bytes: Buffer;
}

const OPENING_BRACE = 0x7b;

/** Reads an ONNX file, or a model.json with its weights beside it. No ONNX file begins like JSON. @throws MillraceError MODEL_IMPORT_INVALID */
export async function readModelFile(model: string, file: string, bytesMax = MODEL_FILE_BYTES_MAX): Promise<ModelFile> {
  const { name, bytes } = await readBoundedFile(model, file, bytesMax);
  if (bytes[0] !== OPENING_BRACE) return { name, role: 'model.onnx', bytes };
  return { name, role: 'model.tfjs', bytes: await readSavedModel(model, file, bytes, bytesMax) };
}

/** @throws MillraceError MODEL_IMPORT_INVALID */
export async function readBoundedFile(model: string, file: string, bytesMax: number): Promise<{ readonly name: string; readonly bytes: Buffer }> {
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
