import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCommandStage, type CommandStage } from '../../support/cli/command-stage.ts';
import { onnxFile } from '../../support/training/onnx-file.ts';

let stage: CommandStage;
beforeAll(async () => {
  stage = await openCommandStage();
});
afterAll(() => stage.close());

const json = async (...argv: string[]) => {
  const { exitCode, stdout, stderr } = await stage.run(...argv, '--json');
  expect(stdout.trim().split('\n'), stderr).toHaveLength(1);
  return { exitCode, document: JSON.parse(stdout) as unknown };
};

test('a project goes from plan to apply to nothing to do', async () => {
  const planned = await stage.run('plan');
  expect(planned.exitCode).toBe(0);
  expect(planned.stdout).toMatch(/create +featureView +card_activity +version 1/);
  expect(planned.stdout).toContain('Models touched:\n  fraud');
  const applied = await json('apply');
  expect(applied).toMatchObject({ exitCode: 0, document: { problems: [], modelsTouched: ['fraud'] } });
  expect(await json('plan')).toEqual({
    exitCode: 0,
    document: { steps: [], problems: [], modelsTouched: [], backfills: [], kept: [] },
  });
  expect((await stage.run('apply')).stdout).toBe('Nothing to do: the project is applied as it is.\n');
  expect((await stage.run('models')).stdout).toMatch(/^fraud +0 +— +— +—$/m);
  expect(await json('models', 'fraud')).toEqual({ exitCode: 0, document: [] });
});

test('the ledger and the dead letters of a fresh project are empty and whole', async () => {
  expect(await json('ledger')).toEqual({ exitCode: 0, document: [] });
  expect(await json('ledger', 'verify')).toEqual({
    exitCode: 0,
    document: { entries: 0, ok: true, firstBad: null },
  });
  expect((await stage.run('dead-letters')).stdout).toBe('No dead letters.\n');
});

test('replay sends what became known in the range, and says what it left out', async () => {
  const file = path.join(stage.dataDir, 'events.ndjson');
  const line = (n: number) =>
    JSON.stringify({
      source: 'payments',
      id: `p${n}`,
      knownTime: n * 1000,
      payload: { paymentId: `p${n}`, cardId: 'c', amount: n, at: n * 1000 },
    });
  await writeFile(file, [1, 2, 3, 4].map(line).join('\n'));
  expect(await json('replay', file, '--from', '2000', '--to', '4000')).toEqual({
    exitCode: 0,
    document: { sent: 2, skipped: 2, firstKnownTime: 2000, lastKnownTime: 3000 },
  });
  const table = path.join(stage.dataDir, 'payments.csv');
  await writeFile(table, 'paymentId,cardId,amount,at,seen\np6,c,6,6000,6000\np5,c,5,5000,5000\n');
  expect(await json('replay', table, '--source', 'payments', '--known-time', 'seen', '--to', '6000')).toEqual({
    exitCode: 0,
    document: { sent: 1, skipped: 1, firstKnownTime: 5000, lastKnownTime: 5000 },
  });
  expect(await stage.run('replay', table)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('Name it with --source') as string });
  expect(await stage.run('replay', file, '--source', 'payments')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('say source and known time themselves') as string });
  expect(await stage.run('replay', table, '--source', 'paymnts')).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("Source 'paymnts' is not in the project") as string });
  const unknown = await stage.run('replay', file, '--project', path.join(stage.dataDir, 'none.ts'));
  expect(unknown.exitCode).toBe(2);
});

test('status shows what is there and names what is not, with exit code 3', async () => {
  const { exitCode, document } = await json('status');
  expect(exitCode).toBe(3);
  expect(document).toMatchObject({
    namespace: stage.environment['MILLRACE_NAMESPACE'],
    processes: null,
    consoleUrl: null,
    models: [{ model: 'fraud', allocation: null, serving: [] }],
    balance: [
      { source: 'payments', sent: 3, stored: 0, missing: 3 },
      { source: 'chargebacks', sent: 0 },
    ],
  });
  // No worker runs, so no workflow answers.
  const problems = (document as { problems: { what: string; code: string }[] }).problems;
  expect(problems.map(({ what, code }) => [what, code]).sort()).toEqual([
    ['ingestion', 'STATUS_TIMED_OUT'],
    ["lifecycle of 'fraud'", 'STATUS_TIMED_OUT'],
  ]);
});

test.each([
  ['pause', 'fraud'],
  ['resume', 'fraud'],
  ['approve', 'fraud'],
  ['train', 'fraud'],
  ['rollback', 'fraud'],
])('%s signals the lifecycle, which acts on it when it can', async (...argv) => {
  const { exitCode, document } = await json(...argv, '--reason', 'a test');
  expect(exitCode).toBe(0);
  expect(document).toMatchObject({
    model: 'fraud',
    workflowId: `${stage.environment['MILLRACE_NAMESPACE']}/model-lifecycle/fraud`,
    payload: { reason: 'a test', requestedBy: expect.stringMatching(/^cli/) as string },
  });
});

test.each([
  [['promote', 'fraud', '7'], 4, 'MODEL_VERSION_NOT_FOUND'],
  [['rollout', 'fraud', '7'], 4, 'MODEL_VERSION_NOT_FOUND'],
  [['rollback', 'fraud', '--to', '7'], 4, 'MODEL_VERSION_NOT_FOUND'],
  [['promote', 'frued', '1'], 4, 'MODEL_NOT_FOUND'],
  [['rollback', 'frued'], 4, 'MODEL_NOT_FOUND'],
  [['approve', 'frued'], 4, 'MODEL_NOT_FOUND'],
  [['promote', 'fraud', '99999999999'], 2, 'Expected a whole number from 1 to 2147483647'],
])('%j asks the lifecycle for nothing', async (argv, code, why) => {
  const { exitCode, stderr } = await stage.run(...argv);
  expect([exitCode, stderr]).toEqual([code, expect.stringContaining(why)]);
});

test('an ONNX file with tensors of its own becomes a model of its own, with a lifecycle', async () => {
  const file = path.join(stage.dataDir, 'echo.onnx');
  const rows = ['n', 2] as const;
  await writeFile(file, onnxFile({ nodes: [['Identity', ['t'], 'u']], inputs: [['t', 'string', rows]], outputs: [['u', 'string', rows]] }));
  const imported = { version: 1, existed: false, batched: true, notes: [], imported: { file: 'echo.onnx', producerName: 'a test' } };
  expect(await json('models', 'import', 'echo', file, '--tensors')).toMatchObject({
    exitCode: 0,
    document: { ...imported, inputs: [{ name: 't', datatype: 'BYTES', shape: [-1, 2] }], outputs: [{ name: 'u', datatype: 'BYTES', shape: [-1, 2] }] },
  });
  const again = await stage.run('models', 'import', 'echo', file, '--tensors');
  expect(again.stdout).toMatch(/^version +1 \(registered before\)$/m);
  expect(again.stdout).toMatch(/^inputs +t BYTES\[-1, 2\]$/m);
  expect((await stage.run('models')).stdout).toMatch(/^echo +1 +— +— +—$/m);
  expect(await json('promote', 'echo', '1')).toMatchObject({ exitCode: 0 });
  expect((await stage.run('models', 'echo')).stdout).toMatch(/^1 +— +— +— +0 +— +import$/m);
  expect(await stage.run('rollout', 'echo', '1')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("Use 'millrace promote echo 1'") as string });
  const taken = await stage.run('models', 'import', 'fraud', file, '--tensors');
  expect(taken).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("Model 'fraud' has a feature service in its project") as string });
  const alien = await stage.run('models', 'import', 'echo', file, '--tensors', '--threshold', '0.5', '--trained-to', '0');
  expect(alien).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--threshold, --trained-to have no meaning with --tensors') as string });
});

test('an ensemble of such models becomes one too, its steps pinned, and says all that is wrong with it', async () => {
  const file = path.join(stage.dataDir, 'ensemble.json');
  const step = (name: string, from: string) => ({ name, model: 'echo', version: 1, inputs: { t: from } });
  await writeFile(file, JSON.stringify({ steps: [step('second', 'first.u'), step('first', 'words')], outputs: { words: 'second.u' } }));
  const { exitCode, document } = await json('models', 'import', 'twice', file, '--ensemble', '--reason', 'a test');
  expect(exitCode).toBe(0);
  const pinned = { model: 'echo', version: 1, digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string };
  expect(document).toMatchObject({
    version: 1,
    batched: true,
    inputs: [{ name: 'words', datatype: 'BYTES', shape: [-1, 2] }],
    outputs: [{ name: 'words', datatype: 'BYTES', shape: [-1, 2] }],
    steps: [{ name: 'first', ...pinned }, { name: 'second', ...pinned }],
  });
  const again = await stage.run('models', 'import', 'twice', file, '--ensemble', '--reason', 'a test');
  expect(again.stdout).toMatch(/^step first +echo version 1\nstep second +echo version 1$/m);
  expect(again.stdout).toMatch(/^version +1 \(registered before\)$/m);
  expect((await stage.run('ledger', 'twice', '--json')).stdout).toContain('import of ensemble.json: a test, running first: echo 1, second: echo 1');
  expect(await json('promote', 'twice', '1')).toMatchObject({ exitCode: 0 });
  await writeFile(file, JSON.stringify({ steps: [step('a', 'b.u'), { name: 'b', model: 'nobody', inputs: {} }], outputs: { y: 'a.v' } }));
  const wrong = await stage.run('models', 'import', 'twice', file, '--ensemble');
  expect(wrong.exitCode).toBe(2);
  expect(wrong.stderr).toContain("step 'b': model 'nobody' has no champion");
  expect(wrong.stderr).toContain("output 'y': step 'a' has no output 'v', it answers 'u'");
});

test.each([
  [['train', 'nothing'], 'WORKFLOW_NOT_RUNNING', 4],
  [['models', 'nothing'], 'MODEL_NOT_FOUND', 4],
  [['materialize', 'nothing'], 'FEATURE_VIEW_NOT_FOUND', 4],
  [['dead-letters', 'nothing'], 'STREAM_SOURCE_NOT_FOUND', 4],
])('%j is not found', async (argv, code, expected) => {
  expect(await json(...argv)).toMatchObject({ exitCode: expected, document: { code } });
});

test('a server that is away is exit code 3 and says which', async () => {
  const before = process.env['MILLRACE_POSTGRES_URL'];
  process.env['MILLRACE_POSTGRES_URL'] = 'postgresql://127.0.0.1:9/none';
  try {
    const { exitCode, stderr } = await stage.run('models');
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^error: Postgres did not answer .*\(STORE_UNAVAILABLE\)\n$/);
  } finally {
    process.env['MILLRACE_POSTGRES_URL'] = before;
  }
});

test('a wrong setting is exit code 2 and named', async () => {
  process.env['MILLRACE_LOG_LEVEL'] = 'loud';
  try {
    expect(await json('ledger')).toMatchObject({
      exitCode: 2,
      document: { code: 'CONFIG_INVALID', error: expect.stringContaining('MILLRACE_LOG_LEVEL') as string },
    });
  } finally {
    delete process.env['MILLRACE_LOG_LEVEL'];
  }
});
