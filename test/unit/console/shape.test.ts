import { expect, test } from 'vitest';
import { acceptsHost } from '../../../console/http/accepts-host.ts';
import { commandOptions } from '../../../console/shape/command-options.ts';
import { decisionFlow } from '../../../console/shape/decision-flow.ts';
import { describeDecision } from '../../../console/shape/describe-decision.ts';
import { sourceRows } from '../../../console/shape/source-rows.ts';
import { viewRows } from '../../../console/shape/view-rows.ts';
import type { SourceAccount } from '../../../src/store/source-accounts.ts';
import { programsOf } from '../../../src/store/project-definitions.ts';
import type { ViewPosition } from '../../../src/store/view-position.ts';
import project from '../../support/cli/payments-project.ts';
import { decisionOf } from '../../support/serving/decision.ts';

const account = (over: Partial<SourceAccount> = {}): SourceAccount => ({
  source: 'payments',
  stored: 5,
  duplicates: 2,
  deadLetters: 1,
  beyondWindows: 0,
  newestKnownTime: 9_000,
  nextOffsets: { 0: 4, 1: 4 },
  ...over,
});
const ends = (...offsets: number[]) =>
  new Map([['payments', offsets.map((end, partition) => ({ partition, earliest: 0, end }))]]);
const [program] = programsOf(project);
const position = (watermarks: Record<string, number>, newestKnownTime: number | null): ViewPosition => ({
  viewOffset: 0,
  watermarks,
  newestKnownTime,
});
const viewOf = (
  positions: ViewPosition[] | null,
  accounts: SourceAccount[] | null,
  sent: Map<string, never[]> | ReturnType<typeof ends> | null,
) => viewRows([program!], positions === null ? null : [{ program: program!, positions }], accounts, sent)[0];

test('what was sent and is not accounted for is missing', () => {
  const [payments, chargebacks] = sourceRows(project.sources, [account()], ends(5, 5));
  expect(payments).toMatchObject({ sent: 10, stored: 5, duplicates: 2, deadLetters: 1, missing: 2 });
  expect(chargebacks).toMatchObject({ source: 'chargebacks', sent: null, stored: null, missing: null });
});

test('events that were stored between the two questions are not missing', () => {
  expect(sourceRows(project.sources, [account()], ends(4, 3))[0]?.missing).toBe(0);
});

test('without Kafka the counts of the log stand, without Postgres those of Kafka', () => {
  expect(sourceRows(project.sources, [account()], null)[0]).toMatchObject({
    sent: null,
    stored: 5,
    missing: null,
  });
  expect(sourceRows(project.sources, null, ends(5, 5))[0]).toMatchObject({
    sent: 10,
    stored: null,
    missing: null,
  });
});

test('a view is behind by the events that its slowest partition has not folded', () => {
  const fast = position({ 0: 4, 1: 3 }, 8_000);
  const slow = position({ 0: 2 }, 6_000);
  // Of partition 0 it misses offsets 3 and 4, of partition 1 all five.
  expect(viewOf([fast, slow], [account()], ends(5, 5))).toMatchObject({
    behindEvents: 2 + 5,
    newestKnownTime: 6_000,
    behindMs: 3_000,
  });
  const whole = position({ 0: 4, 1: 4 }, 9_000);
  expect(viewOf([whole, whole], [account()], ends(5, 5))).toMatchObject({ behindEvents: 0, behindMs: 0 });
});

test('a view is measured by what is stored where Kafka does not answer, and not at all without its positions', () => {
  expect(viewOf([position({ 0: 3, 1: 1 }, 1)], [account()], null)?.behindEvents).toBe(2);
  expect(viewOf(null, [account()], ends(1))).toMatchObject({ behindEvents: null, newestKnownTime: null });
  expect(viewOf([position({}, null)], null, null)).toMatchObject({ behindEvents: null, behindMs: null });
});

test('a partition that is being rebuilt is counted', () => {
  const rebuilt = { ...position({}, null), rebuild: { token: 't', claim: 'c', until: 1, step: 1 } };
  expect(viewOf([rebuilt, position({}, 1)], null, null)?.rebuilding).toBe(1);
});

test('decisions that were sent and are not stored are waiting', () => {
  const offsets = [4, 6].map((end, partition) => ({ partition, earliest: 0, end }));
  const accounts = [4, 1].map((next, partition) => ({ partition, next, stored: 10 * next }));
  expect(decisionFlow(offsets, accounts)).toEqual({ stored: 50, waitingMessages: 5 });
  expect(decisionFlow([{ partition: 0, earliest: 4, end: 6 }], [])).toEqual({ stored: 0, waitingMessages: 2 });
});

test('a row has its names, null stays null and an unknown category is told', () => {
  const numbers = Buffer.from(Float32Array.of(0.1, NaN).buffer).toString('base64');
  const signature = {
    numericNames: ['amount', 'mean', 'beyond'],
    categories: [
      { name: 'carrier', vocabulary: ['AA'] },
      { name: 'origin', vocabulary: [] },
    ],
    threshold: 0.5,
  };
  expect(
    describeDecision(decisionOf('d', { numbers, categories: ['UA', null] }), signature, true),
  ).toMatchObject({
    numbers: [
      { name: 'amount', value: 0.1 },
      { name: 'mean', value: null },
      { name: 'beyond', value: null },
    ],
    categories: [
      { name: 'carrier', value: 'UA', known: false },
      { name: 'origin', value: null, known: true },
    ],
    label: true,
    threshold: 0.5,
  });
});

test.each([
  ['.millrace', '/srv/app', ''],
  ['/srv/app/.millrace', '/srv/app', ''],
  ['/data', '/srv/app', ' --data-dir /data'],
  ["it's here", '/srv', ` --data-dir '/srv/it'\\''s here'`],
])('commands for the data directory %s of %s', (dataDir, workingDirectory, expected) => {
  expect(commandOptions(dataDir, workingDirectory)).toBe(expected);
});

test.each([
  ['127.0.0.1', '127.0.0.1:7490', true],
  ['127.0.0.1', 'localhost', true],
  ['::1', '[::1]:7490', true],
  ['127.0.0.1', 'LOCALHOST:1', true],
  ['127.0.0.1', 'evil.example', false],
  ['127.0.0.1', '127.0.0.1.evil.example', false],
  ['127.0.0.1', undefined, false],
  ['0.0.0.0', 'console.example', true],
])('a console on %s asked as %s: %s', (listensOn, hostHeader, expected) => {
  expect(acceptsHost(listensOn, hostHeader)).toBe(expected);
});
