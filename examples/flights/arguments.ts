import { parseArgs } from 'node:util';

export interface Arguments {
  /** Last month of 2013 that is replayed, 4 to 12. */
  readonly toMonth: number;
  /** End after the report instead of staying up. */
  readonly exit: boolean;
  /** Event time between two looks at the clock, minutes. */
  readonly stepMinutes: number;
  readonly dataDir: string;
}

export const usage = `Usage: npm start -- [last month, 4 to 12] [options]

  --exit            end after the report instead of staying up
  --step MINUTES    event time between two rounds of predictions (default 15)
  --data-dir DIR    where servers, models and the report live (default .millrace)
  --help            show this`;

const HISTORY_MONTHS = 3;
const STEP_MINUTES_MAX = 120;

/** @throws Error with the usage where an argument is wrong */
export function parseArguments(argv: readonly string[]): Arguments | 'help' {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      exit: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      step: { type: 'string', default: '15' },
      'data-dir': { type: 'string', default: '.millrace' },
    },
  });
  if (values.help) return 'help';
  const toMonth = Number(positionals[0] ?? '12');
  if (positionals.length > 1 || !Number.isInteger(toMonth) || toMonth <= HISTORY_MONTHS || toMonth > 12) {
    throw new Error(
      `The first argument is the last month to replay: expected 4 to 12, found '${positionals.join(' ')}'.\n\n${usage}`,
    );
  }
  const stepMinutes = Number(values.step);
  if (!Number.isInteger(stepMinutes) || stepMinutes < 1 || stepMinutes > STEP_MINUTES_MAX) {
    throw new Error(`--step: expected whole minutes from 1 to ${STEP_MINUTES_MAX}, found '${values.step}'.\n\n${usage}`);
  }
  return { toMonth, exit: values.exit, stepMinutes, dataDir: values['data-dir'] };
}
