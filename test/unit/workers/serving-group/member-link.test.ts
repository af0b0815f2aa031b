import { expect, test } from 'vitest';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import type { FromMember, ToMember } from '../../../../workers/serving-group/group-messages.ts';
import { MemberLink } from '../../../../workers/serving-group/member-link.ts';

function setUp(limitMs: number) {
  const sent: FromMember[] = [];
  let tell: (message: ToMember) => void = () => undefined;
  const link = new MemberLink({
    member: '1',
    channel: { send: (message) => sent.push(message), subscribe: (listener) => (tell = listener) },
    limitMs: () => limitMs,
  });
  return { link, sent, tell: (message: ToMember) => tell(message) };
}
const addresses = { url: 'http://127.0.0.1:1', grpcAddress: '127.0.0.1:2' };

test('a group that does not answer is SERVING_GROUP_UNAVAILABLE, not a wait for ever', async () => {
  const { link } = setUp(20);
  await expect(link.metrics()).rejects.toMatchObject({ code: 'SERVING_GROUP_UNAVAILABLE' });
});

test('the error of another process is the error of the one that asked, by its code', async () => {
  const { link, sent, tell } = setUp(10_000);
  const done = link.control('load', 'fraud');
  expect(sent).toEqual([{ kind: 'ask', id: 0, question: { what: 'load', model: 'fraud' } }]);
  tell({ kind: 'answers', id: 0, answers: [{ text: '' }, { error: { code: 'SERVING_VERSION_REJECTED', message: 'golden batch' } }] });
  await expect(done).rejects.toMatchObject({ code: 'SERVING_VERSION_REJECTED', message: expect.stringContaining('golden batch') as string });
});

test('a process tells whether it is ready once it has joined, answers questions, and is ready when its group is', async () => {
  const { link, sent, tell } = setUp(10_000);
  const refused = new MillraceError('MODEL_NOT_FOUND', 'no such model');
  link.join({ isReady: () => true, metrics: () => Promise.resolve('a 1\n'), control: () => Promise.reject(refused) }, addresses);
  expect(sent).toEqual([{ kind: 'joined', ...addresses }, { kind: 'ready', ready: true }]);
  expect(link.ready).toBe(false);
  tell({ kind: 'group', ready: true });
  expect(link.ready).toBe(true);
  tell({ kind: 'question', id: 7, question: { what: 'metrics' } });
  tell({ kind: 'question', id: 8, question: { what: 'unload', model: 'x' } });
  await expect.poll(() => sent.slice(2)).toEqual([
    { kind: 'answer', id: 7, answer: { text: 'a 1\n' } },
    { kind: 'answer', id: 8, answer: { error: { code: 'MODEL_NOT_FOUND', message: 'no such model' } } },
  ]);
});
