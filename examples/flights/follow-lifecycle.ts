import type { MillraceClient } from '../../src/index.ts';
import { stamp } from './flights-report.ts';
import { tell, type RunState } from './run-state.ts';

const POLL_MS = 400;
const FIRST_VERSION_TIMEOUT_MS = 15 * 60_000;
/** After the last flight a rollout may lack the traffic to finish: it is not waited for longer than this. */
const SETTLE_TIMEOUT_MS = 60_000;
/** The lifecycle must stay idle this long, so that a monitor's last word is heard. */
const IDLE_POLLS = 10;

export interface LifecycleFollower {
  /** Resolves once a champion serves. @throws Error after 15 minutes */
  championServes(signal: AbortSignal): Promise<void>;
  /**
   * Resolves when no model is being trained. At replay speed a second is half a day: without it, a training of half
   * a minute would come two weeks late.
   */
  notTraining(signal: AbortSignal): Promise<void>;
  /** Resolves while a version rolls out: it needs traffic and outcomes then. */
  rollingOut(signal: AbortSignal): Promise<void>;
  /** Resolves when all decisions are stored and the lifecycle is idle, or gave up waiting for traffic. */
  settled(signal: AbortSignal, decisions: number): Promise<void>;
  stop(): void;
}

/** Polls the lifecycle, keeps the board's state current and tells what it decides. */
export function followLifecycle(millrace: MillraceClient, model: string, state: RunState): LifecycleFollower {
  let told = 0;
  let stopped = false;
  const poll = async (): Promise<void> => {
    while (!stopped) {
      try {
        state.lifecycle = await millrace.lifecycleState(model);
        const ledger = await millrace.ledger(model);
        for (const entry of ledger) {
          if (entry.seq <= told) continue;
          told = entry.seq;
          tell(state, `${stamp(entry.at).slice(11)}  ${entry.action} v${entry.version ?? '-'}: ${entry.reason}`);
        }
      } catch {
        // A server that is restarting answers the next poll.
      }
      await pause();
    }
  };
  void poll();
  const until = async (signal: AbortSignal, timeoutMs: number, done: () => boolean | Promise<boolean>): Promise<boolean> => {
    const endsAt = Date.now() + timeoutMs;
    while (!signal.aborted && Date.now() < endsAt) {
      if (await done()) return true;
      await pause();
    }
    return false;
  };
  return {
    async championServes(signal) {
      const serves = (): boolean => (state.lifecycle?.allocation?.champion ?? null) !== null;
      if (!(await until(signal, FIRST_VERSION_TIMEOUT_MS, serves)) && !signal.aborted) {
        throw new Error(`No version of '${model}' serves after 15 minutes; see the logs of orchestration and training.`);
      }
    },
    async notTraining(signal) {
      if (state.lifecycle?.phase !== 'training') return;
      state.holding = 'a version is being trained';
      await until(signal, FIRST_VERSION_TIMEOUT_MS, () => state.lifecycle?.phase !== 'training');
      state.holding = null;
    },
    async rollingOut(signal) {
      await until(signal, Infinity, () => state.lifecycle?.phase === 'rolling-out');
    },
    async settled(signal, decisions) {
      let idle = 0;
      await until(signal, SETTLE_TIMEOUT_MS, async () => {
        idle = state.lifecycle?.phase === 'idle' ? idle + 1 : 0;
        return idle >= IDLE_POLLS && (await millrace.decisionCount(model)) >= decisions;
      });
    },
    stop() {
      stopped = true;
    },
  };
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, POLL_MS));
