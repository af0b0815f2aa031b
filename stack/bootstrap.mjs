// Runs before anything is installed: plain JavaScript, Node's own modules only.
//   node stack/bootstrap.mjs start [args]   installs what is missing, then runs the flights example
//   node stack/bootstrap.mjs test [args]    installs what is missing, then runs the tests
//   node stack/bootstrap.mjs faults [args]  installs what is missing, then runs the fault suite
//   node stack/bootstrap.mjs swaps [args]   installs what is missing, then swaps model versions under load
//   node stack/bootstrap.mjs fuzz [args]    installs what is missing, then sends a serving process what is wrong and random
//   node stack/bootstrap.mjs nightly [args] installs what is missing, then tries ten times as many random projects
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NODE_VERSION_MIN = [20, 3];
const HEARTBEAT_MS = 10_000;
const EXIT_USAGE = 2;
const EXIT_FAILED = 1;

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const vitest = [join('node_modules', 'vitest', 'vitest.mjs'), 'run'];
const randomProjects = ['test/property/projects', 'test/integration/store/sql', 'test/integration/monitoring/skew-audit-kinds', 'test/integration/store/derived/attached-values'];
/** What `test` runs; the other projects of vitest.config.ts take long and have commands of their own. */
const suites = ['unit', 'property', 'integration', 'workflow', 'replay', 'e2e'].flatMap((name) => ['--project', name]);
const namesProject = (argument) => /^--project(=|$)/.test(argument);

const commands = {
  start: (args) => ['--import', 'tsx', join('examples', 'flights', 'main.ts'), ...args],
  test: (args) => [...vitest, ...(args.some(namesProject) ? [] : suites), ...args],
  faults: (args) => [...vitest, '--project', 'faults', ...args],
  fuzz: (args) => [...vitest, '--reporter=verbose', '--project', 'fuzz', ...args],
  swaps: (args) => [...vitest, '--project', 'swaps', ...args],
  // The verbose reporter names the seed of each test, whether it passes or not.
  nightly: (args) => [...vitest, '--reporter=verbose', ...randomProjects, ...args],
};

/** What an environment that says nothing else means to a command. */
const environments = { nightly: { MILLRACE_TEST_SCALE: '10' } };

/** What is wrong with the Node that runs us; undefined when nothing is. */
export function nodeVersionProblem(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [majorMin, minorMin] = NODE_VERSION_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return undefined;
  return (
    `Millrace needs Node ${majorMin}.${minorMin} or later, found ${version} at '${process.execPath}'. ` +
    'Install a newer Node and run the command again.'
  );
}

/** Whether the folder's node_modules were made from its lock file as it is now, by us or by npm called by hand. */
export function dependenciesAreCurrent(folder) {
  const stamp = stampFile(folder);
  if (existsSync(stamp)) return readFileSync(stamp, 'utf8') === lockDigest(folder);
  const installed = join(folder, 'node_modules', '.package-lock.json');
  return (
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync(join(folder, 'package-lock.json')).mtimeMs
  );
}

const stampFile = (folder) => join(folder, 'node_modules', '.millrace-lock-digest');

function lockDigest(folder) {
  return createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
}

async function ensureDependencies() {
  if (dependenciesAreCurrent(root)) return;
  const startedAt = Date.now();
  const say = (text) => process.stderr.write(`${text}\n`);
  say('Installing the packages of package-lock.json (once, about a minute) ...');
  const heartbeat = setInterval(() => {
    say(`  still installing, ${Math.round((Date.now() - startedAt) / 1000)} s`);
  }, HEARTBEAT_MS);
  // ONNX Runtime's and TensorFlow's own install scripts fetch GPU files that Millrace gets by itself where it can use them.
  const environment = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const code = await run(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], environment);
  clearInterval(heartbeat);
  if (code !== 0) {
    say(`'npm ci' failed with exit code ${code}. Look at its messages above, then run the command again.`);
    process.exit(code);
  }
  writeFileSync(stampFile(root), lockDigest(root));
  say(`Installed after ${Math.round((Date.now() - startedAt) / 1000)} s.`);
}

/** Runs a program in the repository with our terminal, hands signals on, and gives its exit code. */
function run(program, args, env) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env, stdio: 'inherit' });
    // From a terminal the child gets Ctrl-C by itself: we only have to outlive it.
    const ignore = () => undefined;
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', ignore);
    process.on('SIGTERM', forward);
    process.on('SIGHUP', forward);
    child.once('error', (error) => {
      process.stderr.write(`'${program}' could not be started: ${error.message}\n`);
      resolve(EXIT_FAILED);
    });
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', forward);
      process.off('SIGHUP', forward);
      // As a shell reports it.
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

async function main() {
  const [name, ...args] = process.argv.slice(2);
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`Usage: node stack/bootstrap.mjs ${Object.keys(commands).join('|')} [arguments]\n`);
    process.exit(EXIT_USAGE);
  }
  const problem = nodeVersionProblem(process.versions.node);
  if (problem !== undefined) {
    process.stderr.write(`${problem}\n`);
    process.exit(EXIT_FAILED);
  }
  await ensureDependencies();
  process.exit(await run(process.execPath, command(args), { ...environments[name], ...process.env }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
