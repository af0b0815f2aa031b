import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../core/millrace-error.ts';
import { importInvalid } from './import-problem.ts';

/** Name of the file beside exported rows that says what their columns are. */
export const COLUMNS_FILE = 'columns.json';

const schema = z.object({
  format: z.literal(1),
  model: z.string(),
  featureService: z.string(),
  serviceDigest: z.string(),
  /** View name -> version that the rows are made of. */
  viewVersions: z.record(z.string(), z.number().int()),
  rows: z.number().int(),
  /** What was known later is not in the rows; this and the times below are ms since the epoch. */
  dataCut: z.number(),
  /** Decision time of the newest row of the training part. */
  trainingTo: z.number(),
  /** Decision time from which rows are the hold-out. */
  holdoutFrom: z.number(),
  numericNames: z.array(z.string()),
  /** After the numbers comes one code for each: 0 null, 1 unknown, 2 and on the vocabulary. */
  categories: z.array(z.object({ name: z.string(), vocabulary: z.array(z.string()) })),
});

/** What the columns of exported rows are, and so those of a model that learned from them. */
export type ExportedColumns = z.infer<typeof schema>;

/** @throws MillraceError MODEL_IMPORT_INVALID */
export async function readExportedColumns(model: string, file: string): Promise<ExportedColumns> {
  const name = path.basename(file);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw importInvalid(model, name, [messageOf(error)]);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw importInvalid(model, name, parsed.error.issues.map((issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`));
}
