import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
