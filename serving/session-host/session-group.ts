import type { Placement, Session } from './session.ts';

/** A session that comes back by itself when it was lost. */
export interface GroupedSession extends Session {
  /** Whether a batch would run at once; not while it comes back. */
  readonly isOpen: boolean;
}

interface Member {
  readonly session: GroupedSession;
  runs: number;
}

/** Several sessions of one version as one: a batch goes to the one with the fewest under way that is open, in turn where several have. */
export class SessionGroup implements Session {
  readonly placement: Placement;
  readonly provider: string;
  readonly #members: readonly Member[];
  #next = 0;

  /** @param sessions at least one */
  constructor(sessions: readonly [GroupedSession, ...GroupedSession[]]) {
    this.placement = sessions[0].placement;
    this.provider = sessions[0].provider;
    this.#members = sessions.map((session) => ({ session, runs: 0 }));
  }

  async run(features: Float32Array, rows: number): Promise<Float32Array> {
    const member = this.#idlest();
    member.runs++;
    try {
      return await member.session.run(features, rows);
    } finally {
      member.runs--;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ session }) => session.close()));
  }

  /** The turn goes on with every run, so that a batch whose session was lost is run again by another. */
  #idlest(): Member {
    const { length } = this.#members;
    const from = this.#next;
    const inTurn = this.#members.map((_, i) => (from + i) % length);
    const open = inTurn.filter((i) => this.#members[i]!.session.isOpen);
    const chosen = (open.length > 0 ? open : inTurn).reduce((best, i) => (this.#members[i]!.runs < this.#members[best]!.runs ? i : best));
    this.#next = (chosen + 1) % length;
    return this.#members[chosen]!;
  }
}
