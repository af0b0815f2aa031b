import { checkReplay } from '../src/contracts/check-request.ts';
import type { IngestionCarried } from '../src/contracts/lifecycle.ts';
import type { RefusedReplay, ReplayRequest } from '../src/contracts/replay-request.ts';

/** Replays that wait at most; what comes on top is refused. */
const REPLAYS_MAX = 20;
/** Refusals that the status query answers, and that survive continue-as-new. */
const REFUSALS_MAX = 10;

/** Replays that were asked for and not done yet, and those that were not done. */
export class ReplayInbox {
  readonly waiting: ReplayRequest[];
  readonly refusals: RefusedReplay[];

  constructor(carried: IngestionCarried | undefined) {
    this.waiting = [...(carried?.replays ?? [])];
    this.refusals = [...(carried?.refusals ?? [])];
  }

  add(request: ReplayRequest): void {
    const problems = checkReplay(request);
    if (problems.length > 0) this.refuse(null, problems.join('; '));
    else if (this.waiting.length >= REPLAYS_MAX) this.refuse(request, `${REPLAYS_MAX} replays wait already`);
    else this.waiting.push(request);
  }

  refuse(request: ReplayRequest | null, why: string): void {
    this.refusals.push({ at: Date.now(), request, why });
    if (this.refusals.length > REFUSALS_MAX) this.refusals.shift();
  }
}
