import { TemporalFailure } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import type { Allocation } from '../src/contracts/allocation.ts';
import { isExperimentCommand, type Experiment } from '../src/contracts/experiment.ts';
import { judgeCandidate } from '../src/contracts/judge-candidate.ts';
import {
  rolloutSignals,
  type LifecycleCarried,
  type LifecycleCommand,
  type LifecycleInput,
  type LifecyclePhase,
  type LifecycleProgress,
  type LifecycleState,
  type OperatorNote,
  type RetrainRequest,
  type RolloutPolicy,
  type RolloutRequest,
  type RolloutResult,
  type TrainResult,
} from '../src/contracts/lifecycle.ts';
import { registryActivities } from './activity-proxies.ts';
import { attendChild, signalChild, type Child } from './attend-child.ts';
import { failureText } from './failure-text.ts';
import { runCommand, type CommandContext } from './lifecycle-commands.ts';
import { experimentNameOf, refuseExperimentCommand, runExperimentCommand } from './lifecycle-experiments.ts';
import { COMMANDS_MAX, LifecycleInbox } from './lifecycle-inbox.ts';
import { LifecycleJournal } from './lifecycle-journal.ts';
import { recordOrNote } from './record-or-note.ts';
import { startRollout, startTraining } from './start-children.ts';
import { takeOut } from './take-out.ts';

const nothingCarried: LifecycleCarried = { cycle: 0, paused: false, history: [], pendingRetrain: null, commands: [] };

/** State and steps of one model's lifecycle; the workflow function wires signals and queries to it. */
export class Lifecycle {
  readonly inbox: LifecycleInbox;
  readonly journal: LifecycleJournal;
  private input: LifecycleInput;
  private readonly registry: ReturnType<typeof registryActivities>;
  private phase: LifecyclePhase;
  private paused: boolean;
  private cycle: number;
  private candidate: number | null = null;
  private allocation: Allocation | null = null;

  constructor(input: LifecycleInput) {
    const carried = input.carried ?? nothingCarried;
    this.input = input;
    this.registry = registryActivities(input.namespace);
    this.inbox = new LifecycleInbox(carried);
    this.journal = new LifecycleJournal(input.model, carried.history);
    this.paused = carried.paused;
    this.cycle = carried.cycle;
    this.phase = carried.paused ? 'paused' : 'idle';
  }

  private get context(): CommandContext {
    return { registry: this.registry, journal: this.journal, input: this.input, isOvertaken: () => this.inbox.isOvertaken };
  }

  /** The one that runs, as last read; none may begin a rollout meanwhile. */
  get experiment(): Experiment | null {
    return this.allocation?.experiment ?? null;
  }

  state(): LifecycleState {
    const { phase, allocation, cycle, candidate } = this;
    return { model: this.input.model, phase, allocation, cycle, candidate, lastDecision: this.journal.last };
  }

  /** Input of the next run: what was asked for and not done goes with it. */
  continued(): LifecycleInput {
    const { pendingRetrain, pendingRollout, commands } = this.inbox;
    const carried = { cycle: this.cycle, paused: this.paused, history: this.journal.events, pendingRetrain, pendingRollout, commands };
    return { ...this.input, carried };
  }

  /** Holds from the next training or rollout on. */
  configure(policy: RolloutPolicy): void {
    this.input = { ...this.input, policy };
  }

  async start(): Promise<void> {
    await this.readAllocation();
    this.show();
  }

  hasWork(): boolean {
    const { commands, approvals, pendingRetrain, pendingRollout } = this.inbox;
    return commands.length > 0 || approvals.length > 0 || (!this.paused && (pendingRetrain !== null || (pendingRollout !== null && !this.experiment)));
  }

  /** Does what waits, operators' commands first. */
  async work(): Promise<void> {
    await this.obeyCommands();
    this.refuseApprovals();
    const request = this.paused ? null : this.inbox.takeRetrain();
    if (request !== null) await this.runCycle(request);
    const candidate = this.paused || this.experiment ? null : this.inbox.takeRollout();
    if (candidate !== null) await this.runRollout(candidate);
    this.candidate = null;
    this.enter(this.paused ? 'paused' : 'idle');
  }

  command(command: LifecycleCommand): void {
    if (this.inbox.addCommand(command)) return;
    this.journal.note(`${command.kind} not taken`, null, `${COMMANDS_MAX} commands wait already`);
  }

  pause(note: OperatorNote): void {
    this.paused = true;
    this.journal.note('paused', null, `${note.requestedBy}: ${note.reason}`);
    this.enter(this.phase === 'idle' ? 'paused' : this.phase);
  }

  resume(note: OperatorNote): void {
    this.paused = false;
    this.journal.note('resumed', null, `${note.requestedBy}: ${note.reason}`);
    this.enter(this.phase === 'paused' ? 'idle' : this.phase);
  }

  /** A child says how far it is. */
  follow({ phase, version, what, why }: LifecycleProgress): void {
    // The report of a rollout that has ended meanwhile must not bring its phase back.
    if (this.candidate !== version) return;
    this.journal.note(what, version, why);
    this.enter(phase);
  }

  private async runCycle(request: RetrainRequest): Promise<void> {
    this.cycle += 1;
    this.journal.note('training', null, `${request.trigger}: ${request.reason}`);
    this.enter('training');
    const child = await startTraining(this.input, this.cycle, request);
    const trained = await attendChild(child, this.inbox, {
      onCommand: () => this.obeyCommands(),
      onApproval: async () => this.refuseApprovals(),
    });
    if (!trained.ok) return this.recordFailure('training failed', 'train-failed', null, trained.error);
    const { training, refusal } = trained.value;
    if (refusal !== null) {
      this.journal.note('refused', training.version, refusal);
      return;
    }
    await this.readAllocation();
    if (this.allocation?.champion === training.version) {
      this.journal.note('nothing to roll out', training.version, 'training made the same bundle as the champion');
      return;
    }
    if (this.experiment) return this.postpone(this.experiment, request, training);
    await this.rollOut(request, training);
  }

  /** Its canary and the arms would share the entities out twice: the version waits, and the newest that waits counts. */
  private postpone({ name }: Experiment, { trigger, requestedBy, reason }: RetrainRequest, { version }: TrainResult): void {
    const replaced = this.inbox.addRollout({ version, requestedBy, reason, trigger });
    const instead = replaced === null ? '' : `, instead of version ${replaced.version}`;
    this.journal.note('rollout waits', version, `experiment '${name}' runs: the rollout begins when it has ended${instead}`);
  }

  /** Of a version that is registered already: what its evaluation says counts as after a training. */
  private async runRollout({ version, requestedBy, reason, trigger = 'manual' }: RolloutRequest): Promise<void> {
    const { model } = this.input;
    this.cycle += 1;
    let training: TrainResult;
    try {
      training = await this.registry.describeVersion({ model, version });
    } catch (error) {
      return this.recordFailure('rollout failed', 'rollout-failed', version, error);
    }
    await this.readAllocation();
    const refusal = training.candidateLogLoss === null ? null : judgeCandidate(training, this.input.policy.maxLogLossIncrease);
    const why = this.allocation?.champion === version ? 'it is the champion already' : refusal;
    if (why === null) return this.rollOut({ trigger }, training);
    this.journal.note('refused', version, why);
    await recordOrNote(this.context, {
      model,
      version,
      actor: requestedBy,
      action: 'refuse',
      reason: `Version ${version} is refused before rollout: ${why}.`,
      details: { verdict: 'refused', asked: reason },
    });
  }

  private async rollOut(request: Pick<RetrainRequest, 'trigger'>, training: TrainResult): Promise<void> {
    this.candidate = training.version;
    const { candidateLogLoss, championLogLoss, notCompared } = training;
    const champion = `${championLogLoss?.toFixed(4) ?? 'none'}${notCompared === undefined ? '' : ` (${notCompared})`}`;
    this.journal.note('rolling out', training.version, `hold-out log loss ${candidateLogLoss?.toFixed(4) ?? 'none'}, champion's ${champion}`);
    this.enter('rolling-out');
    const child = await startRollout(this.input, this.cycle, request, training, this.allocation?.champion ?? null);
    let aborts: LifecycleCommand | null = null;
    const rolled = await attendChild(child, this.inbox, {
      onApproval: () => this.forwardApprovals(child),
      onCommand: async () => {
        await this.refuseExperiments(training.version);
        aborts = this.inbox.commands[0] ?? null;
        if (aborts === null) return;
        const { kind, requestedBy, reason } = aborts;
        await signalChild(child, rolloutSignals.abort, { requestedBy, reason: `${kind}: ${reason}` });
      },
    });
    this.candidate = null;
    await this.readAllocation();
    if (!rolled.ok) {
      await takeOut(this.context, this.allocation, training.version);
      await this.readAllocation();
      return this.recordFailure('rollout failed', 'rollout-failed', training.version, rolled.error);
    }
    const { verdict, reason } = rolled.value;
    this.journal.note(verdict, training.version, reason);
    this.settleAbort(aborts, rolled.value);
  }

  /** A rollback that names no version asked for what was before the rollout: the restored allocation is that. */
  private settleAbort(aborts: LifecycleCommand | null, { verdict }: RolloutResult): void {
    if (aborts?.kind !== 'rollback' || aborts.toVersion !== null || verdict === 'promoted') return;
    this.inbox.commands.shift();
  }

  private async obeyCommands(): Promise<void> {
    const resumeWith = this.phase;
    for (let command = this.inbox.commands[0]; command !== undefined; command = this.inbox.commands[0]) {
      this.enter(isExperimentCommand(command) ? 'experimenting' : 'rolling-back');
      if (isExperimentCommand(command)) await runExperimentCommand(this.context, command);
      else await runCommand(this.context, command);
      this.inbox.commands.shift();
      await this.readAllocation();
    }
    if (this.phase !== resumeWith) this.enter(resumeWith);
  }

  /** An experiment and a rollout exclude each other: one that is asked for during a rollout does not end it. */
  private async refuseExperiments(candidate: number): Promise<void> {
    for (let command = this.inbox.takeExperimentCommand(); command !== undefined; command = this.inbox.takeExperimentCommand()) {
      const why = `version ${candidate} is being rolled out: a rollout and an experiment exclude each other. Wait until it has ended, or end it with a rollback`;
      this.journal.note(`${command.kind} refused`, null, `experiment '${experimentNameOf(command)}': ${why}`);
      await refuseExperimentCommand(this.context, command, why);
    }
  }

  private async forwardApprovals(child: Child<unknown>): Promise<void> {
    for (const note of this.inbox.approvals.splice(0)) {
      this.journal.note('approved', this.candidate, `${note.requestedBy}: ${note.reason}`);
      await signalChild(child, rolloutSignals.approve, note);
    }
  }

  private refuseApprovals(): void {
    for (const note of this.inbox.approvals.splice(0)) {
      this.journal.note('approval not used', null, `${note.requestedBy}: no rollout is there to approve`);
    }
  }

  private async recordFailure(what: string, action: string, version: number | null, error: unknown): Promise<void> {
    if (!(error instanceof TemporalFailure)) throw error;
    const reason = failureText(error);
    this.journal.note(what, version, reason);
    await recordOrNote(this.context, {
      model: this.input.model,
      version,
      actor: workflowInfo().workflowId,
      action,
      reason,
      details: { cycle: this.cycle },
    });
  }

  private async readAllocation(): Promise<void> {
    this.allocation = await this.registry.getAllocation({ model: this.input.model });
  }

  private enter(phase: LifecyclePhase): void {
    this.phase = phase;
    this.show();
  }

  private show(): void {
    this.journal.show(this.phase, this.allocation?.champion ?? null);
  }
}
