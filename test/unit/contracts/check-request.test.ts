import { expect, test } from 'vitest';
import { checkConfiguration, checkNote, checkPolicy, checkProgress, checkPromote, checkReplay, checkRetrain, checkRollback, checkRollout } from '../../../src/contracts/check-request.ts';
import { quickPolicy } from '../../support/workflows/stub-world.ts';

const note = { requestedBy: 'tester', reason: 'because' };

test('what can be worked with is taken', () => {
  expect([
    ...checkNote(note),
    ...checkNote({ ...note, reason: 'users complain \ud83d\ude00' }),
    ...checkPromote({ version: 2_147_483_647, ...note }),
    ...checkRollback({ toVersion: null, ...note }),
    ...checkRollback({ toVersion: 1, ...note }),
    ...checkRollout({ version: 1, trigger: 'new-labels', ...note }),
    ...checkRetrain({ trigger: 'manual', dataCut: null, ...note }),
    ...checkPolicy(quickPolicy),
    ...checkProgress({ phase: 'idle', version: null, what: 'canary', why: 'x'.repeat(9_999) }),
  ]).toEqual([]);
});

test.each([
  [checkPromote, { version: 99_999_999_999, ...note }, 'version: expected a whole number from 1 to 2147483647, found 99999999999'],
  [checkPromote, { version: '2', ...note }, 'found string'],
  [checkPromote, { version: 1.5, ...note }, 'found 1.5'],
  [checkRollback, { toVersion: 0, ...note }, 'toVersion: expected a whole number'],
  [checkRollout, { version: 1, trigger: 'whim', ...note }, 'trigger: expected one of first, manual'],
  [checkRetrain, { trigger: 'manual', dataCut: 'now', ...note }, 'dataCut: expected whole milliseconds'],
  [checkRetrain, { dataCut: null, ...note }, 'trigger: expected one of'],
  [checkNote, { requestedBy: 'tester' }, 'reason: expected why'],
  [checkNote, { reason: 'because' }, 'requestedBy: expected who asks'],
  [checkNote, { ...note, requestedBy: 'x'.repeat(201) }, 'requestedBy: expected 200 characters at most, found 201'],
  [checkNote, { ...note, reason: 'x'.repeat(2_001) }, 'reason: expected 2000 characters at most, found 2001'],
  [checkNote, { ...note, reason: 'a\0b' }, 'reason: expected a text without the character U+0000'],
  [checkNote, { ...note, reason: 'users complain \ud83d' }, 'reason: expected well-formed Unicode, found half of a surrogate pair'],
  [checkNote, { ...note, requestedBy: '\ude00' }, 'requestedBy: expected well-formed Unicode'],
  [checkPolicy, { ...quickPolicy, pollIntervalMs: '1s' }, 'pollIntervalMs: expected a number'],
  [checkPolicy, { ...quickPolicy, canaryShares: 0.1 }, 'canaryShares: expected a list of numbers'],
  [checkProgress, { phase: 'idle', what: 'x' }, 'why: expected a text'],
])('%o refuses %j', (check, asked, problem) => {
  expect(check(asked)).toEqual([expect.stringContaining(problem)]);
});

test.each([null, undefined, 7, 'text', []])('%j is no request at all', (asked) => {
  for (const check of [checkNote, checkPolicy, checkProgress, checkPromote, checkRetrain, checkRollback, checkRollout]) expect(check(asked)).not.toEqual([]);
});

test('a replay names a source and a moment', () => {
  expect([...checkReplay({ source: 'trips', fromKnownTime: 0 }), ...checkConfiguration({ derives: false })]).toEqual([]);
  expect([...checkReplay({ fromKnownTime: 'now' }), ...checkConfiguration(null)]).toEqual([
    'source: expected the name of a source',
    'fromKnownTime: expected whole milliseconds since the epoch',
    'derives: expected true or false',
  ]);
});
