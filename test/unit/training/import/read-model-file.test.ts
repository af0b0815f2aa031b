import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readExportedColumns } from '../../../../src/training/import/exported-columns.ts';
import { readModelFile } from '../../../../src/training/import/read-model-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-import-'));
  writeFileSync(path.join(folder, 'five.onnx'), '12345');
  writeFileSync(path.join(folder, 'empty.onnx'), '');
  writeFileSync(path.join(folder, 'text.json'), 'text');
  writeFileSync(path.join(folder, 'columns.json'), '{"format":2,"model":"fraud"}');
});
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ['missing.onnx', 5, 'it could not be read (ENOENT'],
  ['.', 5, 'it is not a file'],
  ['empty.onnx', 5, 'expected 1 to 5 bytes, found 0'],
  ['five.onnx', 4, 'expected 1 to 4 bytes, found 5'],
])('a model file %s is refused under a limit of %i bytes', async (name, bytesMax, why) => {
  await expect(readModelFile('fraud', path.join(folder, name), bytesMax)).rejects.toMatchObject({
    code: 'MODEL_IMPORT_INVALID',
    message: expect.stringContaining(why) as string,
  });
});

it('a model file within the limit is read', async () => {
  expect(await readModelFile('fraud', path.join(folder, 'five.onnx'), 5)).toEqual({ name: 'five.onnx', role: 'model.onnx', bytes: Buffer.from('12345') });
});

it.each([
  ['missing.json', ['ENOENT']],
  ['text.json', ['is not valid JSON']],
  ['columns.json', ['format: ', 'serviceDigest: ', 'numericNames: ', 'categories: ']],
])('columns %s are refused, all that is wrong at once', async (name, why) => {
  const error = await readExportedColumns('fraud', path.join(folder, name)).then(() => null, (failure: unknown) => failure as Error);
  expect(error).toMatchObject({ code: 'MODEL_IMPORT_INVALID' });
  for (const part of why) expect(error?.message).toContain(part);
});
