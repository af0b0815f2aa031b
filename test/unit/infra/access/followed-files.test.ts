import { readFile, rm } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FollowedFiles } from '../../../../src/infra/access/followed-files.ts';
import { createLogger } from '../../../../src/infra/logger.ts';
import { createAccessFiles } from '../../../support/access-stage.ts';

let files: ReturnType<typeof createAccessFiles>;
let opened: FollowedFiles | undefined;
beforeEach(() => {
  files = createAccessFiles();
});
afterEach(async () => {
  await opened?.close();
  files.remove();
});

const logger = createLogger('test', 'silent');
const EVERY_MS = 20;

/** What was taken of a file last: its text, unless that is `wrong`. */
async function follow(file: string) {
  let taken = '';
  let reads = 0;
  const take = async (): Promise<void> => {
    reads++;
    const text = await readFile(file, 'utf8');
    if (text === 'wrong') throw new Error('it is wrong');
    taken = text;
  };
  opened = await FollowedFiles.open({ what: 'files', paths: [file], take, logger, everyMs: EVERY_MS });
  return { taken: () => taken, reads: () => reads };
}

it('takes a file again when it changes, and only then', async () => {
  const file = files.write('f', 'one');
  const { taken, reads } = await follow(file);
  expect(taken()).toBe('one');
  await new Promise((resolve) => setTimeout(resolve, 5 * EVERY_MS));
  expect(reads()).toBe(1);
  files.write('f', 'two');
  await vi.waitFor(() => expect(taken()).toBe('two'));
});

it('keeps what it has while a file is wrong or away, tells it once a change, and takes what is right again', async () => {
  const told = vi.spyOn(logger, 'error');
  const file = files.write('f', 'one');
  const { taken } = await follow(file);
  files.write('f', 'wrong');
  await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(1));
  await rm(file);
  await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(2));
  await new Promise((resolve) => setTimeout(resolve, 5 * EVERY_MS));
  expect([taken(), told.mock.calls.length]).toEqual(['one', 2]);
  files.write('f', 'three');
  await vi.waitFor(() => expect(taken()).toBe('three'));
});

it('says at the start that a file is not there', async () => {
  await expect(follow(`${files.directory}/none`)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/files can not be read: ENOENT/) as string,
  });
});
