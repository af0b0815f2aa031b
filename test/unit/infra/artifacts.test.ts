import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createArtifactStore, sha256Hex } from '../../../src/infra/artifacts.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'millrace-artifacts-'));
afterAll(() => rmSync(directory, { recursive: true }));
const store = createArtifactStore(directory);

test('bytes come back by their digest, and the same bytes are one file', async () => {
  const bytes = Buffer.from('model');
  const first = await store.put(bytes);
  expect(first).toEqual({ sha256: sha256Hex(bytes), bytes: 5 });
  expect(await store.put(bytes)).toEqual(first);
  expect(await store.get(first.sha256)).toEqual(bytes);
});

test('a file that is not there is ARTIFACT_NOT_FOUND', async () => {
  await expect(store.get('0'.repeat(64))).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
});

test('a file that was changed is ARTIFACT_CORRUPT', async () => {
  const { sha256 } = await store.put(Buffer.from('golden'));
  writeFileSync(store.path(sha256), 'forged');
  await expect(store.get(sha256)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
});

test.each([
  ['of the same length', 'forged'],
  ['cut off', 'gold'],
])('a damaged file, %s, is whole again once its bytes are put', async (_what, damaged) => {
  const bytes = Buffer.from('golden');
  const { sha256 } = await store.put(bytes);
  writeFileSync(store.path(sha256), damaged);
  await store.put(bytes);
  expect(await store.get(sha256)).toEqual(bytes);
});

test('a whole file is left alone, and no draft is left behind', async () => {
  const bytes = Buffer.from('once');
  const { sha256 } = await store.put(bytes);
  const file = store.path(sha256);
  const { ino } = statSync(file);
  await store.put(bytes);
  expect(statSync(file).ino).toBe(ino);
  expect(readdirSync(path.dirname(file))).toEqual([sha256]);
});
