import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { errorTableMarkdown } from './error-table-markdown.ts';
import { repositoryRoot } from './repository-files.ts';

/** Writes the table of the code into docs/errors.md; the sections are written by hand. */
const file = path.join(repositoryRoot, 'docs/errors.md');
const page = readFileSync(file, 'utf8');
const table = `<!-- table -->\n${errorTableMarkdown()}\n<!-- /table -->`;
writeFileSync(
  file,
  page.replace(/<!-- table -->[^]*<!-- \/table -->/, () => table),
);
