import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { measureFunctions, stringsOf } from '../support/measure-functions.ts';
import { listFiles, repositoryRoot } from '../support/repository-files.ts';

const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 70;
/** Parsing all of the source takes seconds, on a busy machine many. */
const PARSE_TIMEOUT_MS = 120_000;

const sourceFolders = [
  'src',
  'serving',
  'activities',
  'workflows',
  'workers',
  'cli',
  'console',
  'stack',
  'examples',
  'bench',
];
const sources = listFiles(sourceFolders, ['.ts', '.mjs', '.cjs']);
const tests = listFiles(['test'], ['.ts']);
const pages = listFiles(['.'], ['.md']);
/** Names what it looks for, so it can't look at itself. */
const thisFile = 'test/unit/style.test.ts';
const textOf = (file: string): string => readFileSync(path.join(repositoryRoot, file), 'utf8');
const linesOf = (file: string): string[] => textOf(file).split('\n');

/** `file:line` of every line of the files that matches. */
const findLines = (files: readonly string[], pattern: RegExp): string[] =>
  files
    .filter((file) => file !== thisFile)
    .flatMap((file) =>
      linesOf(file).flatMap((line, at) => (pattern.test(line) ? [`${file}:${at + 1}`] : [])),
    );

test(`no file is longer than ${FILE_LINES_MAX} lines`, () => {
  const long = [...sources, ...tests].map((file) => [file, linesOf(file).length] as const);
  expect(long.filter(([, lines]) => lines > FILE_LINES_MAX + 1)).toEqual([]);
});

test(
  `no function is longer than ${FUNCTION_LINES_MAX} lines`,
  () => {
    const long = sources
      .filter((file) => linesOf(file).length > FUNCTION_LINES_MAX)
      .flatMap((file) =>
        measureFunctions(file, textOf(file))
          .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
          .map(({ name, line, lines }) => `${file}:${line} ${name} has ${lines} lines`),
      );
    expect(long).toEqual([]);
  },
  PARSE_TIMEOUT_MS,
);

test('file names are kebab-case', () => {
  const name = /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.(ts|mjs|cjs)$/;
  expect([...sources, ...tests].filter((file) => !name.test(path.basename(file)))).toEqual([]);
});

test('no test is skipped or run alone', () => {
  expect(findLines(tests, /\b(test|it|describe)\.(only|skip|todo|fails)\b|\b[fx](it|describe)\(/)).toEqual(
    [],
  );
});

test('nothing is left to do in a comment', () => {
  expect(findLines([...sources, ...tests], /\b(FIXME|TODO|HACK)\b/)).toEqual([]);
});

test(
  'SQL is in the folders that talk to Postgres',
  () => {
    const mayHold = /^(src\/(store|registry|monitoring|stream|infra|training)|activities)\//;
    const sql =
      /^\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|SCHEMA|INDEX|FUNCTION)|ALTER\s+TABLE|WITH\s+\S+\s+AS\s*\()/is;
    const found = sources
      .filter((file) => !mayHold.test(file) && !file.startsWith('bench/'))
      // Parsing takes time: only files that hold the words at all.
      .filter((file) => /\b(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|WITH)\b/i.test(textOf(file)))
      .flatMap((file) =>
        stringsOf(file, textOf(file))
          .filter(({ value }) => sql.test(value))
          .map(({ line }) => `${file}:${line}`),
      );
    expect(found).toEqual([]);
  },
  PARSE_TIMEOUT_MS,
);

test('the environment is read in src/infra only, and by the programs that start others', () => {
  const mayRead = /^(src\/infra\/process-environment\.ts|examples\/|bench\/|stack\/bootstrap\.mjs)/;
  expect(
    findLines(
      sources.filter((file) => !mayRead.test(file)),
      /\bprocess\.env\b/,
    ),
  ).toEqual([]);
});

test('every error code that stands in a text of the source is documented', () => {
  const documented = textOf('docs/errors.md');
  const named = sources.flatMap((file) =>
    [...textOf(file).matchAll(/new MillraceError\(\s*'([A-Z_0-9]+)'/g)].map((match) => match[1] as string),
  );
  expect([...new Set(named)].filter((code) => !documented.includes(`### ${code}\n`))).toEqual([]);
});

test('every setting that the source names is documented', () => {
  const documented = new Set(textOf('docs/configuration.md').match(/MILLRACE_[A-Z_0-9]*[A-Z0-9]/g));
  const named = sources
    .filter((file) => !file.startsWith('bench/'))
    .flatMap((file) => textOf(file).match(/\bMILLRACE_[A-Z_0-9]*[A-Z0-9]\b/g) ?? []);
  expect([...new Set(named)].filter((name) => !documented.has(name)).sort()).toEqual([]);
});

test('every relative link of the pages leads somewhere', () => {
  const dead = pages.flatMap((page) =>
    [...textOf(page).matchAll(/\]\((?!https?:|mailto:|#)([^)\s]+)\)/g)].flatMap((match) => {
      const [target = '', anchor] = (match[1] as string).split('#');
      const file = path.join(repositoryRoot, path.dirname(page), target);
      if (!existsSync(file)) return [`${page}: ${match[1]}`];
      return anchor === undefined || anchorsOf(file).has(anchor) ? [] : [`${page}: ${match[1]}`];
    }),
  );
  expect(dead).toEqual([]);
});

test('every anchor within a page is there', () => {
  const dead = pages.flatMap((page) => {
    const anchors = anchorsOf(path.join(repositoryRoot, page));
    return [...textOf(page).matchAll(/\]\(#([^)\s]+)\)/g)]
      .filter((match) => !anchors.has(match[1] as string))
      .map((match) => `${page}: #${match[1]}`);
  });
  expect(dead).toEqual([]);
});

function anchorsOf(file: string): Set<string> {
  const headings = readFileSync(file, 'utf8').match(/^#+ .+$/gm) ?? [];
  return new Set(
    headings.map((heading) =>
      heading
        .replace(/^#+ /, '')
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('no file names a place of one machine', () => {
  const places = /(^|[^\w.])\/(work|home|Users|root)\/(?!\$)[\w.-]+/;
  expect(findLines([...sources, ...tests, ...pages], places)).toEqual([]);
});
