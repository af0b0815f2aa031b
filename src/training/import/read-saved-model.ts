import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../core/millrace-error.ts';
import { packModel, tensorflowFormats, weightBytes, type WeightSpec } from '../../tensorflow/packed-model.ts';
import { importInvalid } from './import-problem.ts';

/** Files that the weights of one model may lie in. */
const WEIGHT_FILES_MAX = 4_096;

const weight = z.object({
  name: z.string(),
  shape: z.array(z.number().int().min(0)),
  dtype: z.string(),
  quantization: z.looseObject({ dtype: z.string() }).optional(),
});

const schema = z.object({
  // Versions of TensorFlow.js before 1.0 wrote layers models only, and did not say so.
  format: z.enum(tensorflowFormats).default('layers-model'),
  generatedBy: z.string().nullish().transform((text) => text ?? null),
  convertedBy: z.string().nullish().transform((text) => text ?? null),
  modelTopology: z.looseObject({}),
  weightsManifest: z.array(z.object({ paths: z.array(z.string()), weights: z.array(weight) })),
  signature: z.looseObject({}).nullish().transform((value) => value ?? null),
});

/**
 * Reads a model that TensorFlow.js or its converter saved, `model.json` with the files of weights beside it, into one file.
 * @param json what `model.json` holds
 * @throws MillraceError MODEL_IMPORT_INVALID with all that is wrong
 */
export async function readSavedModel(model: string, file: string, json: Buffer, bytesMax: number): Promise<Buffer> {
  const refused = (problems: readonly string[]) => importInvalid(model, path.basename(file), problems);
  const parsed = schema.safeParse(parseJson(json, refused));
  if (!parsed.success) {
    throw refused(parsed.error.issues.map((issue) => `as a model.json of TensorFlow.js: ${issue.path.join('.') || 'it'}: ${issue.message}`));
  }
  const { weightsManifest, modelTopology, signature, ...described } = parsed.data;
  const paths = weightsManifest.flatMap((group) => group.paths);
  const problems = pathProblems(paths);
  if (problems.length > 0) throw refused(problems);
  const weights = await readWeights(path.dirname(file), paths, bytesMax - json.length, problems);
  const weightSpecs = weightsManifest.flatMap((group) => group.weights) as WeightSpec[];
  const expected = weightBytes(weightSpecs);
  if (problems.length === 0 && expected !== null && expected !== weights.length) {
    problems.push(`its files of weights have ${weights.length} bytes, model.json tells of ${expected}: save the model again`);
  }
  if (problems.length > 0) throw refused(problems);
  const asJson = { modelTopology, signature } as Pick<Parameters<typeof packModel>[0], 'modelTopology' | 'signature'>;
  return packModel({ ...described, ...asJson, weightSpecs, weights });
}

function parseJson(json: Buffer, refused: (problems: readonly string[]) => Error): unknown {
  try {
    return JSON.parse(json.toString());
  } catch (error) {
    throw refused([`it begins like JSON and is none (${messageOf(error)})`]);
  }
}

/** Weights lie beside `model.json`: a path that leads elsewhere would read files that nobody meant to give. */
function pathProblems(paths: readonly string[]): string[] {
  if (paths.length > WEIGHT_FILES_MAX) return [`it has ${paths.length} files of weights, at most ${WEIGHT_FILES_MAX} are taken: save it in larger ones`];
  return paths.filter((name) => name !== path.basename(name)).map((name) => `file of weights '${name}': expected a file beside model.json`);
}

async function readWeights(folder: string, paths: readonly string[], bytesMax: number, problems: string[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for (const name of paths) {
    try {
      const file = path.join(folder, name);
      bytes += (await stat(file)).size;
      if (bytes > bytesMax) {
        problems.push(`its weights are larger than the ${bytesMax} bytes that are left for them`);
        break;
      }
      parts.push(await readFile(file));
    } catch (error) {
      problems.push(`file of weights '${name}' could not be read (${messageOf(error)})`);
    }
  }
  return Buffer.concat(parts);
}
