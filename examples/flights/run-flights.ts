import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { connectMillrace, type MillraceClient } from '../../src/index.ts';
import type { Arguments } from './arguments.ts';
import { startBoard } from './board.ts';
import { clearPreviousRun } from './clear-previous-run.ts';
import { readFlightEvents } from './flight-events.ts';
import { totalsOf, type FlightsReport } from './flights-report.ts';
import { LatencyWindow } from './latency-window.ts';
import { followLifecycle, type LifecycleFollower } from './follow-lifecycle.ts';
import { laterEvents } from './later-events.ts';
import { newYorkMonthStart } from './new-york-time.ts';
import { createPredictor } from './predictor.ts';
import { replayHistory } from './replay-history.ts';
import { replayLive } from './replay-live.ts';
import { reportHtml } from './report-html.ts';
import { reportText } from './report-text.ts';
import { createRunState, tell, type RunState } from './run-state.ts';
import { sampleRequest } from './sample-request.ts';
import { startMillrace, type StartedMillrace } from './start-millrace.ts';

const MODEL = 'flight_delay';
const FROZEN_VERSION = 1;
const HISTORY_TO_MONTH = 3;
const ACTOR = 'flights example';
const LEDGER_SHOWN = 500;

/** Runs the whole job. @returns the exit code: 0 where every event is accounted for and every prediction was answered */
export async function runFlights(args: Arguments, signal: AbortSignal): Promise<number> {
  const startedAt = Date.now();
  const state = createRunState(startedAt);
  const latencies = new LatencyWindow();
  await clearPreviousRun(args.dataDir, console.log);
  let ready = false;
  const millraceProcess = await startMillrace(args.dataDir, (line) => (ready ? tell(state, line) : console.log(line)));
  ready = true;
  console.log(`Console: ${millraceProcess.consoleUrl}`);
  const millrace = await connectMillrace({ ...process.env, ...millraceProcess.environment });
  const follower = followLifecycle(millrace, MODEL, state);
  const board = startBoard(process.stdout, {
    state,
    latencies,
    endsAt: newYorkMonthStart(args.toMonth + 1),
    now: Date.now,
  });
  try {
    await Promise.race([runYear(args, { millrace, millraceProcess, follower, state, latencies, signal }), millraceProcess.ended]);
    board.stop();
    if (signal.aborted) return 130;
    const report = await makeReport(millrace, args, state, latencies, Date.now() - startedAt);
    console.log(reportText(report));
    console.log(`Report: ${await writeReport(report, args.dataDir)}`);
    if (!args.exit) await stayUp(args, { millrace, millraceProcess, follower, state, latencies, signal });
    const complete = totalsOf(report.balance).balanced && report.predictions.failed === 0;
    return complete ? 0 : 1;
  } finally {
    board.stop();
    follower.stop();
    await millrace.close();
    await millraceProcess.stop();
  }
}

interface Run {
  readonly millrace: MillraceClient;
  readonly millraceProcess: StartedMillrace;
  readonly follower: LifecycleFollower;
  readonly state: RunState;
  readonly latencies: LatencyWindow;
  readonly signal: AbortSignal;
}

async function runYear(args: Arguments, run: Run): Promise<void> {
  const { millrace, state, follower } = run;
  state.phase = 'January to March: replaying history';
  await replayHistory(millrace, readFlightEvents({ fromMonth: 1, toMonth: HISTORY_TO_MONTH }), state);
  if (run.signal.aborted) return;

  if ((await millrace.allocation(MODEL)) === null) {
    state.phase = 'training and rolling out the first version';
    await millrace.retrain(MODEL, {
      trigger: 'first',
      reason: 'history to March has been replayed',
      requestedBy: ACTOR,
      dataCut: null,
    });
    await follower.championServes(run.signal);
  }

  state.phase = `April to month ${args.toMonth}: live`;
  const predictor = createPredictor(run.millraceProcess.servingUrl, run.latencies, () => state.predictionRetries++);
  try {
    await replayLive(
      millrace,
      predictor,
      readFlightEvents({ fromMonth: HISTORY_TO_MONTH + 1, toMonth: args.toMonth }),
      state,
      { stepMs: args.stepMinutes * 60_000, mayMove: () => follower.notTraining(run.signal), signal: run.signal },
    );
  } finally {
    await predictor.close();
  }
  state.phase = 'waiting for decisions and the lifecycle to settle';
  await follower.settled(run.signal, state.predictions);
}

async function makeReport(
  millrace: MillraceClient,
  args: Arguments,
  state: RunState,
  latencies: LatencyWindow,
  wallClockMs: number,
): Promise<FlightsReport> {
  const [comparison, ledger, monitor, balance, stored] = await Promise.all([
    millrace.compareWithVersion(MODEL, FROZEN_VERSION),
    millrace.ledger(MODEL, LEDGER_SHOWN),
    millrace.monitorReports(MODEL),
    millrace.eventBalance(),
    millrace.decisionCount(MODEL),
  ]);
  return {
    model: MODEL,
    command: `npm start -- ${args.toMonth}${args.exit ? ' --exit' : ''}`,
    machine: `${os.cpus().length} x ${os.cpus()[0]?.model ?? 'unknown processor'}`,
    wallClockMs,
    frozenVersion: FROZEN_VERSION,
    comparison,
    ledger,
    monitor,
    latencyMs: { p50: latencies.quantile(0.5), p95: latencies.quantile(0.95), p99: latencies.quantile(0.99) },
    freshnessMs: { p50: state.freshness.quantile(0.5), p99: state.freshness.quantile(0.99) },
    predictions: { answered: state.predictions, failed: state.predictionErrors, askedAgain: state.predictionRetries, stored },
    balance,
  };
}

async function writeReport(report: FlightsReport, dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  await writeFile(path.join(dataDir, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  const page = path.join(dataDir, 'report.html');
  await writeFile(page, reportHtml(report));
  return page;
}

/**
 * Prints the addresses and what to try, and waits for the end. The clock stands, but while a version rolls out
 * flights go on, so that it gets traffic and outcomes.
 */
async function stayUp(args: Arguments, run: Run): Promise<void> {
  const { millraceProcess: started, state, signal } = run;
  const option = args.dataDir === '.millrace' ? '' : ` --data-dir ${args.dataDir}`;
  console.log(`
It stays up until Ctrl+C.

  Console       ${started.consoleUrl}
  Predictions   ${started.servingUrl}/v1/models/${MODEL}/predict
  Events        ${started.gatewayUrl}/v1/events/<source>
  Metrics       ${started.servingUrl}/metrics
  Temporal UI   ${started.temporalUiUrl ?? '-'}

  curl -s ${started.servingUrl}/v1/models/${MODEL}/predict -H 'content-type: application/json' -d '${JSON.stringify(sampleRequest(state.clock ?? Date.now()))}'

  npx millrace status${option}
  npx millrace rollback ${MODEL} --reason "try it"${option}
  npx millrace train ${MODEL} --wait${option}

While a version rolls out, flights go on where they stopped${args.toMonth < 12 ? '' : ' (the year once more, dated 52 weeks later)'}.
`);
  state.onNews = console.log;
  const predictor = createPredictor(started.servingUrl, run.latencies, () => state.predictionRetries++);
  const goingOn = replayLive(run.millrace, predictor, laterEvents(args.toMonth, state.clock ?? 0), state, {
    stepMs: args.stepMinutes * 60_000,
    mayMove: () => run.follower.rollingOut(signal),
    signal,
  });
  await Promise.race([goingOn, started.ended]);
  await predictor.close();
}
