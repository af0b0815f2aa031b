import { triggerKinds, type RolloutPolicy } from './lifecycle.ts';

/** Numbers of versions are Postgres integers. */
export const VERSION_MAX = 2 ** 31 - 1;
/** What is kept of an operator's words: a lifecycle carries a hundred of them from run to run. */
const REASON_LENGTH_MAX = 2_000;
const REQUESTED_BY_LENGTH_MAX = 200;
const SOURCE_LENGTH_MAX = 200;

const policyNumbers = [
  'shadowDecisions',
  'outcomesPerStep',
  'stepTimeoutMs',
  'pollIntervalMs',
  'maxLogLossIncrease',
  'maxErrorRate',
  'maxLatencyRatio',
  'maxMeanScoreDifference',
  'maxCanaryLogLossIncrease',
] as const satisfies readonly (keyof RolloutPolicy)[];

/** Answers all that is wrong with what a signal carries, which may be anything. */
type Check = (asked: unknown) => string[];

/** The ledger needs both of every request. */
export const checkNote: Check = (asked) => [
  ...textProblems(asked, 'requestedBy', 'who asks', REQUESTED_BY_LENGTH_MAX),
  ...textProblems(asked, 'reason', 'why', REASON_LENGTH_MAX),
];

export const checkPromote: Check = (asked) => [...checkVersion('version', fieldOf(asked, 'version')), ...checkNote(asked)];

export const checkRollback: Check = (asked) => {
  const to = fieldOf(asked, 'toVersion') ?? null;
  return [...(to === null ? [] : checkVersion('toVersion', to)), ...checkNote(asked)];
};

export const checkRetrain: Check = (asked) => {
  const dataCut = fieldOf(asked, 'dataCut') ?? null;
  return [
    ...(isOneOf(triggerKinds, fieldOf(asked, 'trigger')) ? [] : [`trigger: expected one of ${triggerKinds.join(', ')}`]),
    ...(dataCut === null || Number.isSafeInteger(dataCut) ? [] : ['dataCut: expected whole milliseconds since the epoch, or null']),
    ...checkNote(asked),
  ];
};

export const checkRollout: Check = (asked) => {
  const trigger = fieldOf(asked, 'trigger');
  return [
    ...(trigger === undefined || isOneOf(triggerKinds, trigger) ? [] : [`trigger: expected one of ${triggerKinds.join(', ')}, or none`]),
    ...checkPromote(asked),
  ];
};

export const checkPolicy: Check = (asked) => {
  const shares = fieldOf(asked, 'canaryShares');
  return [
    ...policyNumbers.filter((name) => !Number.isFinite(fieldOf(asked, name))).map((name) => `${name}: expected a number`),
    ...(Array.isArray(shares) && shares.every((share) => Number.isFinite(share)) ? [] : ['canaryShares: expected a list of numbers']),
  ];
};

/** A child's report; what it says is not bounded, for it is no operator's. */
export const checkProgress: Check = (asked) => ['phase', 'what', 'why'].filter((name) => typeof fieldOf(asked, name) !== 'string').map((name) => `${name}: expected a text`);

export const checkReplay: Check = (asked) => [
  ...textProblems(asked, 'source', 'the name of a source', SOURCE_LENGTH_MAX),
  ...(Number.isSafeInteger(fieldOf(asked, 'fromKnownTime')) ? [] : ['fromKnownTime: expected whole milliseconds since the epoch']),
];

export const checkConfiguration: Check = (asked) => (typeof fieldOf(asked, 'derives') === 'boolean' ? [] : ['derives: expected true or false']);

export const isVersion = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= VERSION_MAX;

const checkVersion = (name: string, value: unknown): string[] =>
  isVersion(value) ? [] : [`${name}: expected a whole number from 1 to ${VERSION_MAX}, found ${typeof value === 'number' ? value : typeof value}`];

function textProblems(asked: unknown, name: string, meaning: string, lengthMax: number): string[] {
  const text = fieldOf(asked, name);
  if (typeof text !== 'string') return [`${name}: expected ${meaning}`];
  if (text.length > lengthMax) return [`${name}: expected ${lengthMax} characters at most, found ${text.length}`];
  // Postgres has no such character in a text, and keeps another one for half of a surrogate pair.
  if (text.includes('\0')) return [`${name}: expected a text without the character U+0000`];
  return text.isWellFormed() ? [] : [`${name}: expected well-formed Unicode, found half of a surrogate pair: the text may have been cut within a character`];
}

const isOneOf = (known: readonly string[], value: unknown): boolean => typeof value === 'string' && known.includes(value);

const fieldOf = (asked: unknown, name: string): unknown =>
  typeof asked === 'object' && asked !== null ? (asked as Readonly<Record<string, unknown>>)[name] : undefined;
