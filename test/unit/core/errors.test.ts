import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { errorTable, type ErrorCode } from '../../../src/core/error-table.ts';
import { MillraceError } from '../../../src/core/millrace-error.ts';
import { errorTableMarkdown } from '../../support/error-table-markdown.ts';
import { listFiles, repositoryRoot } from '../../support/repository-files.ts';

const codes = Object.keys(errorTable) as ErrorCode[];
const docs = readFileSync(path.join(repositoryRoot, 'docs/errors.md'), 'utf8');

const sourceFolders = ['src', 'serving', 'activities', 'workflows', 'workers', 'cli', 'console', 'stack'];
const isTable = (file: string): boolean => file === 'src/core/error-table.ts';
const textOf = (files: readonly string[]): string =>
  files.map((file) => readFileSync(path.join(repositoryRoot, file), 'utf8')).join('\n');
const source = textOf(listFiles(sourceFolders, ['.ts']).filter((file) => !isTable(file)));
const tests = textOf(listFiles(['test'], ['.ts']).filter((file) => file !== 'test/unit/core/errors.test.ts'));

const named =
  (text: string) =>
  (code: ErrorCode): boolean =>
    new RegExp(`\\b${code}\\b`).test(text);
/** Doc comments name codes too: a code counts as raised where it stands as a string. */
const raised = (code: ErrorCode): boolean => source.includes(`'${code}'`);

test('docs/errors.md holds the table as it is in the code (write it with `npx tsx test/support/write-error-table.ts`)', () => {
  const found = docs.slice(
    docs.indexOf('<!-- table -->') + '<!-- table -->'.length,
    docs.indexOf('<!-- /table -->'),
  );
  expect(found.trim()).toBe(errorTableMarkdown().trim());
});

test('docs/errors.md has a section on every code, and on no other', () => {
  const sections = [...docs.matchAll(/^### ([A-Z_0-9]+)$/gm)].map((match) => match[1]);
  expect(sections.sort()).toEqual([...codes].sort());
});

test('every code is raised somewhere in the source', () => {
  expect(codes.filter((code) => !raised(code))).toEqual([]);
});

test('every code is named by some test', () => {
  expect(codes.filter((code) => !named(tests)(code))).toEqual([]);
});

test('every code that the source raises is in the table', () => {
  const thrown = [...source.matchAll(/new MillraceError\(\s*'([A-Z_0-9]+)'/g)].map(
    (match) => match[1] as string,
  );
  expect(thrown.filter((code) => !Object.hasOwn(errorTable, code))).toEqual([]);
});

test('refusals under load carry no stack, and leave those of others as they are', () => {
  const { stackTraceLimit } = Error;
  expect(new MillraceError('SERVING_OVERLOADED', 'full').stack).toBe('MillraceError: full');
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  expect(new MillraceError('MODEL_NOT_FOUND', 'none').stack).toContain('errors.test.ts');
});
