import type { LifecycleEvent, LifecyclePhase } from '../src/contracts/lifecycle.ts';
import { showProgress } from './show-progress.ts';

/** Events that the history query answers and that survive continue-as-new. */
export const EVENTS_MAX = 100;
const EVENTS_SHOWN = 12;

/** What a lifecycle did and why, newest last; the Temporal UI shows the end of it. */
export class LifecycleJournal {
  readonly events: LifecycleEvent[];
  private readonly model: string;

  constructor(model: string, events: readonly LifecycleEvent[]) {
    this.model = model;
    this.events = events.slice(-EVENTS_MAX);
  }

  get last(): LifecycleEvent | null {
    return this.events.at(-1) ?? null;
  }

  note(what: string, version: number | null, why: string): void {
    this.events.push({ at: Date.now(), what, version, why });
    if (this.events.length > EVENTS_MAX) this.events.shift();
  }

  show(phase: LifecyclePhase, champion: number | null): void {
    const lines = this.events
      .slice(-EVENTS_SHOWN)
      .reverse()
      .map(({ at, what, version, why }) => {
        const subject = version === null ? '' : ` version ${version}`;
        return `- ${new Date(at).toISOString()} **${what}**${subject}: ${why}`;
      });
    showProgress(
      { model: this.model, phase, ...(champion === null ? {} : { version: champion }) },
      [`**${this.model}** is ${phase}; champion: ${champion ?? 'none'}`, '', ...lines].join('\n'),
    );
  }
}
