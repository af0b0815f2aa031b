import { h } from './dom.mjs';
import { panel } from './pieces.mjs';

/** The console changes nothing: what to type is here, ready to copy. */
export function commands({ model, allocation, versions, lifecycle }, options) {
  const newest = versions?.[0]?.version ?? 1;
  const other = versions?.find(({ version }) => version !== allocation?.champion)?.version ?? newest;
  const phase = lifecycle?.state.phase;
  const lines = [
    ['Go back to the champion before', `npx millrace rollback ${model} --reason "why"${options}`],
    [
      'Train on all that is known and roll out',
      `npx millrace train ${model} --reason "why" --wait${options}`,
    ],
    [
      'Make a version champion without a rollout',
      `npx millrace promote ${model} ${other} --reason "why"${options}`,
    ],
    phase === 'awaiting-approval'
      ? ['Let the rollout that waits go on', `npx millrace approve ${model} --reason "why"${options}`]
      : null,
    phase === 'paused'
      ? ['Let trainings and rollouts begin again', `npx millrace resume ${model} --reason "why"${options}`]
      : ['Let no training or rollout begin', `npx millrace pause ${model} --reason "why"${options}`],
    ['Prove that the ledger is whole', `npx millrace ledger verify${options}`],
  ];
  return panel(
    'commands',
    'To act',
    { class: 'span-6', aside: h('span', { class: 'aside' }, 'the console only reads; copy a command') },
    h(
      'ul',
      { class: 'commands' },
      lines
        .filter((line) => line !== null)
        .map(([what, command]) =>
          h(
            'li',
            { 'data-key': what },
            h('span', { class: 'note' }, what),
            h(
              'span',
              { class: 'command' },
              h('code', null, command),
              h(
                'button',
                {
                  type: 'button',
                  class: 'quiet',
                  'data-action': 'copy',
                  'data-text': command,
                  'aria-label': `Copy: ${what}`,
                },
                'Copy',
              ),
            ),
          ),
        ),
    ),
  );
}
