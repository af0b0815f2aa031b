import { afterAll, beforeAll, expect, it } from 'vitest';
import { everyDecision, type AuditInput, type AuditResult } from '../../../src/contracts/audit.ts';
import { workflowIds } from '../../../src/contracts/lifecycle.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import { loadTracingConfig } from '../../../src/infra/tracing-config.ts';
import { openTracing, type Tracing } from '../../../src/infra/tracing.ts';
import { startOtlpReceiver, type ReceivedSpan } from '../../support/otlp-receiver.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';
import { activitiesOf, StubWorld } from '../../support/workflows/stub-world.ts';
import { openWorkflowStage, type WorkflowStage } from '../../support/workflows/workflow-stage.ts';

let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>;
let tracing: Tracing;
let stage: WorkflowStage;

beforeAll(async () => {
  const { temporalAddress, temporalNamespace } = testStack();
  receiver = await startOtlpReceiver();
  const config = loadTracingConfig({ MILLRACE_TRACING_ENDPOINT: receiver.url, MILLRACE_TRACING_RATIO: '1' });
  const opened = await openTracing(config, { name: 'orchestration', namespace: 'test', registry: createMetrics('test'), logger: createLogger('test', 'silent') });
  tracing = opened as Tracing;
  const world = new StubWorld();
  world.auditChunks = 2;
  stage = await openWorkflowStage({ address: temporalAddress, namespace: temporalNamespace }, testPrefix(), activitiesOf(() => world), await tracing.temporal());
});
afterAll(async () => {
  await stage.close();
  await tracing.close();
  await receiver.close();
});

it('a workflow and its activities are in the trace of who started it', async () => {
  const input: AuditInput = { namespace: stage.namespace, model: 'delay', scope: everyDecision, requestedBy: 'tester' };
  await stage.client.workflow.execute<(input: AuditInput) => Promise<AuditResult>>('auditSkew', {
    workflowId: workflowIds.auditSkew(stage.namespace, 'delay', 'traced'),
    taskQueue: stage.taskQueue,
    args: [input],
  });
  const named = (prefix: string) => receiver.spans.filter(({ name }) => name.startsWith(prefix));
  await expect.poll(() => named('RunWorkflow').length, { timeout: 30_000 }).toBe(1);
  const [start] = named('StartWorkflow:auditSkew') as [ReceivedSpan];
  const [run] = named('RunWorkflow:auditSkew') as [ReceivedSpan];
  expect(start.parentSpanId).toBe('');
  expect(run).toMatchObject({ parentSpanId: start.spanId, traceId: start.traceId, service: 'millrace-orchestration' });
  const [asked, done] = [named('StartActivity:'), named('RunActivity:')];
  expect(done.length).toBeGreaterThan(2);
  expect(new Set(asked.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set([run.spanId]));
  expect(new Set(done.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set(asked.map(({ spanId }) => spanId)));
  expect(new Set([...asked, ...done].map(({ traceId }) => traceId))).toEqual(new Set([start.traceId]));
});
