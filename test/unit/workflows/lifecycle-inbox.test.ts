import { describe, expect, it } from 'vitest';
import type { RetrainRequest } from '../../../src/contracts/lifecycle.ts';
import { COMMANDS_MAX, LifecycleInbox } from '../../../workflows/lifecycle-inbox.ts';

const request = (trigger: RetrainRequest['trigger'], dataCut: number | null, reason = 'r'): RetrainRequest => ({
  trigger,
  reason,
  requestedBy: 'someone',
  dataCut,
});
const empty = () => new LifecycleInbox({ pendingRetrain: null, commands: [] });

describe('the inbox of a lifecycle', () => {
  it('makes one retraining of many, which reads all that any wanted', () => {
    const inbox = empty();
    inbox.addRetrain(request('feature-drift', 100));
    inbox.addRetrain(request('new-labels', 50, 'later'));
    expect(inbox.takeRetrain()).toEqual(request('new-labels', 100, 'later'));
    expect(inbox.takeRetrain()).toBeNull();
  });

  it('keeps the reason of a person before that of a monitor', () => {
    const inbox = empty();
    inbox.addRetrain(request('manual', 10, 'wanted by hand'));
    inbox.addRetrain(request('feature-drift', 90));
    expect(inbox.takeRetrain()).toEqual(request('manual', 90, 'wanted by hand'));
  });

  it('reads everything where one of the requests has no data cut', () => {
    const inbox = empty();
    inbox.addRetrain(request('manual', null));
    inbox.addRetrain(request('manual', 90));
    expect(inbox.takeRetrain()?.dataCut).toBeNull();
  });

  it('takes no more commands than its limit', () => {
    const inbox = empty();
    const rollback = { kind: 'rollback', toVersion: null, requestedBy: 'x', reason: 'y' } as const;
    for (let i = 0; i < COMMANDS_MAX; i++) expect(inbox.addCommand(rollback)).toBe(true);
    expect(inbox.addCommand(rollback)).toBe(false);
    expect(inbox.commands).toHaveLength(COMMANDS_MAX);
  });
});
