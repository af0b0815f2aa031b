import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { repositoryRoot } from '../../support/repository-files.ts';

const run = promisify(execFile);
const START_LIMIT_MS = 60_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'millrace-abroad-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
}

/** Standard output and error of a command, whether it fails or not. */
const command = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  run(process.execPath, [path.join(repositoryRoot, 'cli/millrace.mjs'), ...args], { cwd: folder }).catch((error: { stdout: string; stderr: string }) => error);

const projectText = (entityFile: string): string => `
  import { entity, featureView, number, project, source, string, timestamp } from 'millrace';
  import { keys } from './${entityFile}';
  const trips = source({ name: 'trips', schema: { id: string(), cab: string(), fare: number(), at: timestamp() }, id: 'id', eventTime: 'at' });
  const cabs = featureView({ name: 'cab_trips', entity: entity({ name: 'cab', keys }), source: trips, features: (a) => ({ trips_1h: a.count({ window: '1h' }) }) });
  export default project({ name: 'cabs', views: [cabs], models: [] });
`;
const keysText = "export const keys: readonly ['cab'] = ['cab'];";

test.each<[what: string, suffix: string, files: Record<string, string>]>([
  ['without a package', 'ts', {}],
  ['in a package of CommonJS', 'ts', { 'package.json': '{ "type": "commonjs" }' }],
  ['in a package without a type', 'ts', { 'package.json': '{}' }],
  ['in a package of ES modules', 'ts', { 'package.json': '{ "type": "module" }' }],
  ['of a suffix that says it', 'mts', { 'package.json': '{ "type": "commonjs" }' }],
])(
  'a project far from Millrace, %s, is loaded by the command line and by a process',
  async (_what, suffix, files) => {
    const file = path.join(folder, `millrace.project.${suffix}`);
    await write({ ...files, [path.basename(file)]: projectText(`keys.${suffix}`), [`keys.${suffix}`]: keysText });
    expect((await command('features', 'sql', 'cab_trips', '--project', file)).stdout).toContain('trips_1h');
    const program = `const { loadProject } = await import('./src/infra/load-project.ts'); console.log((await loadProject(${JSON.stringify(file)})).name);`;
    const { stdout } = await run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { cwd: repositoryRoot });
    expect(stdout).toBe('cabs\n');
  },
  START_LIMIT_MS,
);

test.each<[what: string, text: string | undefined, message: RegExp]>([
  ['is not there', undefined, /is not there\. Name it with --project or MILLRACE_PROJECT\./],
  ['does not parse', 'export default project({', /does not parse: .*end of file.*Correct it\./s],
  ['needs a package that is not installed', "import 'no-such-package';", /needs package 'no-such-package', which is not found.*Run 'npm install no-such-package' in/],
  ['imports a file that is not there', "import './none.ts';", /imports what is not there: .*none\.ts.*Correct the path\./],
  ['imports what Millrace has not', "import { none } from 'millrace';\nexport default none;", /could not be imported: .*does not provide an export named 'none'/],
  ['throws', "throw new Error('no luck');", /could not be imported: no luck\. Correct it\./],
  ['has no project', 'export default 3;', /has no project as its default export/],
])(
  'a file that %s is PROJECT_NOT_LOADED, with what to do',
  async (_what, text, message) => {
    if (text !== undefined) await write({ 'wrong.ts': text });
    const { stderr } = await command('features', 'sql', 'a_view', '--project', 'wrong.ts');
    expect(stderr).toMatch(/^error: Project file '.*wrong\.ts' .*\(PROJECT_NOT_LOADED\)\n$/s);
    expect(stderr).toMatch(message);
  },
  START_LIMIT_MS,
);
