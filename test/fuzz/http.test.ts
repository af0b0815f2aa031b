import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import type { RunningServing } from '../../serving/start-serving.ts';
import { runTool } from '../../stack/run-tool.ts';
import { testScale, testSeed } from '../support/projects/test-scale.ts';
import { pythonEnvironment } from '../support/python-environment.ts';
import type { ServingStage } from '../support/serving/serving-stage.ts';
import { openFuzzedServing } from './fuzzed-serving.ts';

const EXAMPLES = 30;
/** Of what schemathesis says at its end: how many operations and cases. */
const SUMMARY_LINES = 30;
const LIMIT_MS = 280_000;
const checks = ['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_schema_conformance', 'response_headers_conformance'];

const here = (file: string): URL => new URL(file, import.meta.url);
const python = await pythonEnvironment('schemathesis', here('requirements.txt'));

let stage: ServingStage;
let serving: RunningServing;
describe.skipIf(python === undefined)('schemathesis, by the OpenAPI document', () => {
  beforeAll(async () => {
    ({ stage, serving } = await openFuzzedServing());
  });
  afterAll(() => stage.close());

  it(`finds no answer 500 and none that the document does not have (seed ${testSeed})`, async () => {
    const lines: string[] = [];
    const config = ['-m', 'schemathesis.cli', '--config-file', fileURLToPath(here('schemathesis.toml')), 'run', `${serving.url}/openapi.json`];
    const generation = ['--max-examples', String(EXAMPLES * testScale), '--seed', String(testSeed), '--generation-database', 'none'];
    const run = runTool({
      program: python!,
      args: [...config, '--checks', checks.join(','), '--phases', 'examples,coverage,fuzzing', ...generation, '--no-color', '--continue-on-failure'],
      environment: { ...processEnvironment(), SCHEMATHESIS_HOOKS: fileURLToPath(here('ndjson.py')) },
      signal: new AbortController().signal,
      timeoutMs: LIMIT_MS,
      onLine: (line) => lines.push(line),
    });
    const failed = await run.then(
      () => false,
      () => true,
    );
    expect(failed ? lines.join('\n') : '').toBe('');
    process.stdout.write(`${lines.slice(-SUMMARY_LINES).join('\n')}\n`);
    expect(lines.join('\n')).toMatch(/Tested: +\d+/u);
  });
});
