import type { RolloutPolicy } from '../../contracts/lifecycle.ts';
import type { AuditPolicy, MonitorPolicy, Trainer } from '../model.ts';
import { checkDuration, DURATION_MAX_MS } from './check-duration.ts';
import { checkWholeNumber, quoted } from './check-names.ts';
import type { ProblemList } from './problem-list.ts';

const COUNT_MAX = 1_000_000_000;
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HIDDEN_LAYERS_MAX = 8;
const LAYER_UNITS_MAX = 4_096;
const CANARY_STEPS_MAX = 20;
const WAIT_MAX_MS = 30 * 86_400_000;
const POLL_MIN_MS = 10;
const EMBEDDING_MAX = 256;
const EPOCHS_MAX = 10_000;
const BATCH_ROWS_MAX = 1_000_000;
const AUDIT_SAMPLE_MAX = 1_000_000;

export function checkTrainer(trainer: Trainer, problems: ProblemList): void {
  if (trainer.kind !== 'mlp' && trainer.kind !== 'logistic') {
    problems.add(
      `expected mlp() or logisticRegression(), found ${quoted((trainer as Trainer).kind)}. Use one of them.`,
    );
    return;
  }
  checkWholeNumber('epochs', trainer.epochs, { from: 1, to: EPOCHS_MAX }, problems);
  checkWholeNumber('batchRows', trainer.batchRows, { from: 1, to: BATCH_ROWS_MAX }, problems);
  checkNumber('learningRate', trainer.learningRate, { above: 0, to: 1 }, problems);
  checkNumber('l2', trainer.l2, { from: 0, to: 1 }, problems);
  if (trainer.kind === 'logistic') return;
  checkNumber('dropout', trainer.dropout, { from: 0, below: 1 }, problems);
  if (trainer.embeddingSize !== undefined) {
    checkWholeNumber('embeddingSize', trainer.embeddingSize, { from: 1, to: EMBEDDING_MAX }, problems);
  }
  if (trainer.hidden.length < 1 || trainer.hidden.length > HIDDEN_LAYERS_MAX) {
    problems.add(
      `expected 1 to ${HIDDEN_LAYERS_MAX} hidden layers, found ${trainer.hidden.length}. Without any, use logisticRegression().`,
    );
  }
  for (const units of trainer.hidden) {
    checkWholeNumber('units of a hidden layer', units, { from: 1, to: LAYER_UNITS_MAX }, problems);
  }
}

export function checkMonitor(monitor: MonitorPolicy, problems: ProblemList): void {
  checkDuration('window', monitor.window, { fromMs: MINUTE_MS, toMs: DURATION_MAX_MS }, problems);
  checkDuration('labelDelay', monitor.labelDelay, { fromMs: 0, toMs: DURATION_MAX_MS }, problems);
  checkDuration('coolDown', monitor.coolDown, { fromMs: 0, toMs: DURATION_MAX_MS }, problems);
  checkDuration('every', monitor.every, { fromMs: SECOND_MS, toMs: DURATION_MAX_MS }, problems);
  checkNumber('featurePsi', monitor.featurePsi, { above: 0 }, problems);
  checkNumber('predictionPsi', monitor.predictionPsi, { above: 0 }, problems);
  checkNumber('logLossIncrease', monitor.logLossIncrease, { above: 0 }, problems);
  checkWholeNumber('driftedFeatures', monitor.driftedFeatures, { from: 1, to: COUNT_MAX }, problems);
  if (monitor.newLabels !== null) {
    checkWholeNumber('newLabels', monitor.newLabels, { from: 1, to: COUNT_MAX }, problems);
  }
}

/** An audit reads the raw rows of its decisions: not more often than it can be done. */
const AUDIT_EVERY_MIN_MS = 10 * SECOND_MS;

export function checkAudit(audit: AuditPolicy, problems: ProblemList): void {
  checkDuration('every', audit.every, { fromMs: AUDIT_EVERY_MIN_MS, toMs: DURATION_MAX_MS }, problems);
  checkWholeNumber('sample', audit.sample, { from: 1, to: AUDIT_SAMPLE_MAX }, problems);
}

export function checkRollout(rollout: RolloutPolicy, problems: ProblemList): void {
  checkWholeNumber('shadowDecisions', rollout.shadowDecisions, { from: 0, to: COUNT_MAX }, problems);
  checkWholeNumber('outcomesPerStep', rollout.outcomesPerStep, { from: 0, to: COUNT_MAX }, problems);
  checkWholeNumber('stepTimeoutMs', rollout.stepTimeoutMs, { from: SECOND_MS, to: WAIT_MAX_MS }, problems);
  checkWholeNumber(
    'pollIntervalMs',
    rollout.pollIntervalMs,
    { from: POLL_MIN_MS, to: WAIT_MAX_MS },
    problems,
  );
  checkNumber('maxErrorRate', rollout.maxErrorRate, { from: 0, to: 1 }, problems);
  checkNumber('maxLatencyRatio', rollout.maxLatencyRatio, { above: 0 }, problems);
  checkNumber('maxMeanScoreDifference', rollout.maxMeanScoreDifference, { from: 0, to: 1 }, problems);
  checkNumber('maxLogLossIncrease', rollout.maxLogLossIncrease, {}, problems);
  checkNumber('maxCanaryLogLossIncrease', rollout.maxCanaryLogLossIncrease, {}, problems);
  if (typeof rollout.requireApproval !== 'boolean') {
    problems.add(
      `expected requireApproval to be true or false, found ${quoted(rollout.requireApproval)}. Use one of them.`,
    );
  }
  if (typeof rollout.requireCertificate !== 'boolean') {
    problems.add(
      `expected requireCertificate to be true or false, found ${quoted(rollout.requireCertificate)}. Use one of them.`,
    );
  }
  const { canaryShares } = rollout;
  if (rollout.requireCertificate && canaryShares.length === 0) {
    problems.add(
      'expected a canary step where requireCertificate is true, found no canaryShares: its decisions are what is audited. Add one, such as [0.1].',
    );
  }
  const ascending = canaryShares.every((share, i) => share > (canaryShares[i - 1] ?? 0) && share < 1);
  if (canaryShares.length > CANARY_STEPS_MAX || !ascending) {
    problems.add(
      `expected canaryShares as at most ${CANARY_STEPS_MAX} ascending shares above 0 and below 1, found [${canaryShares.join(', ')}]. Use, for example, [0.1, 0.5].`,
    );
  }
}

export function checkNumber(
  what: string,
  value: unknown,
  range: { readonly from?: number; readonly above?: number; readonly to?: number; readonly below?: number },
  problems: ProblemList,
): void {
  const { from = -Infinity, above = -Infinity, to = Infinity, below = Infinity } = range;
  if (Number.isFinite(value)) {
    const number = value as number;
    if (number >= from && number > above && number <= to && number < below) return;
  }
  const limits = Object.entries(range).map(([word, limit]) => `${word} ${limit}`);
  problems.add(
    `expected ${what} as a number ${limits.join(' and ') || 'that is finite'}, found ${quoted(value)}. Set it within.`,
  );
}
