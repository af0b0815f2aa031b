import { isExperimentCommand, type ExperimentCommand } from '../src/contracts/experiment.ts';
import type {
  LifecycleCarried,
  LifecycleCommand,
  OperatorNote,
  RetrainRequest,
  RolloutRequest,
} from '../src/contracts/lifecycle.ts';

/** Commands of operators that wait at most; what comes on top is refused, and the history says so. */
export const COMMANDS_MAX = 20;

/** What a lifecycle has been asked for and has not done yet. */
export class LifecycleInbox {
  readonly commands: LifecycleCommand[];
  approvals: OperatorNote[] = [];
  private pending: RetrainRequest | null;
  private rollout: RolloutRequest | null;

  constructor(carried: Pick<LifecycleCarried, 'pendingRetrain' | 'pendingRollout' | 'commands'>) {
    this.commands = [...carried.commands];
    this.pending = carried.pendingRetrain;
    this.rollout = carried.pendingRollout ?? null;
  }

  get pendingRetrain(): RetrainRequest | null {
    return this.pending;
  }

  /** False where too many wait already. */
  addCommand(command: LifecycleCommand): boolean {
    if (this.commands.length >= COMMANDS_MAX) return false;
    this.commands.push(command);
    return true;
  }

  /** Whether a promotion or rollback waits behind the first command. */
  get isOvertaken(): boolean {
    return this.commands.slice(1).some((command) => !isExperimentCommand(command));
  }

  /** Takes the first out that is about an experiment. */
  takeExperimentCommand(): ExperimentCommand | undefined {
    const taken = this.commands.find(isExperimentCommand);
    if (taken !== undefined) this.commands.splice(this.commands.indexOf(taken), 1);
    return taken;
  }

  addRetrain(request: RetrainRequest): void {
    this.pending = this.pending === null ? request : coalesce(this.pending, request);
  }

  get pendingRollout(): RolloutRequest | null {
    return this.rollout;
  }

  /** The newest request counts; answers the one that it takes the place of. */
  addRollout(request: RolloutRequest): RolloutRequest | null {
    const replaced = this.rollout;
    this.rollout = request;
    return replaced;
  }

  takeRollout(): RolloutRequest | null {
    const taken = this.rollout;
    this.rollout = null;
    return taken;
  }

  takeRetrain(): RetrainRequest | null {
    const taken = this.pending;
    this.pending = null;
    return taken;
  }
}

/**
 * One retraining answers both requests: the reason of a person stands before that of a monitor, and it
 * reads everything that either wanted.
 */
export function coalesce(earlier: RetrainRequest, later: RetrainRequest): RetrainRequest {
  const leading = isAutomatic(earlier) || !isAutomatic(later) ? later : earlier;
  const dataCut =
    earlier.dataCut === null || later.dataCut === null ? null : Math.max(earlier.dataCut, later.dataCut);
  return { ...leading, dataCut };
}

const isAutomatic = ({ trigger }: RetrainRequest): boolean => trigger !== 'manual' && trigger !== 'first';
