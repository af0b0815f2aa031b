import { inputsOf, type Attachment, type Derivation, type LatestAttachment } from '../derivation.ts';
import type { Source } from '../source.ts';
import { fieldIn } from '../field.ts';
import { checkDuration } from './check-duration.ts';
import { quoted } from './check-names.ts';
import { ENTITY_KEYS_MAX } from './check-view.ts';
import { duplicatesOf, enumerate, type ProblemList } from './problem-list.ts';

/** Sources that are made of one another, one after the other: each adds its wait to how long an event takes. */
export const DERIVATION_DEPTH_MAX = 4;
export const ATTACHMENTS_MAX = 64;
const WAIT_MS_MIN = 1_000;
const WAIT_MS_MAX = 3_600_000;

/** Checks of a derived source that no other source needs. */
export function checkDerived(source: Source, derivation: Derivation, problems: ProblemList): void {
  const { from, carry, attach } = derivation;
  if (depthOf(source) > DERIVATION_DEPTH_MAX) {
    problems.add(
      `expected at most ${DERIVATION_DEPTH_MAX} derived sources that are made of one another, found more. Attach more in one of them.`,
    );
  }
  for (const made of new Set([from, ...tablesOf(derivation)])) {
    if (made.changes !== true) continue;
    problems.add(
      `expected sources whose events stay, found '${made.name}', whose rows change: what was derived of a row can't be taken back. Attach features of a view over it instead.`,
    );
  }
  for (const name of carry.filter((field) => fieldIn(from.schema, field) === undefined)) {
    problems.add(
      `expected carry to name fields of source '${from.name}', found '${name}'. Use some of ${enumerate(Object.keys(from.schema))}.`,
    );
  }
  const names = Object.keys(attach);
  if (names.length < 1 || names.length > ATTACHMENTS_MAX) {
    problems.add(
      `expected 1 to ${ATTACHMENTS_MAX} attached fields, found ${names.length}. ${names.length === 0 ? 'Attach one, or use the source itself' : 'Split it'}.`,
    );
  }
  for (const name of duplicatesOf([...new Set(carry), ...names])) {
    problems.add(
      `expected different names for carried and attached fields, found '${name}' twice. Rename the attached one, or leave the other out of carry.`,
    );
  }
  for (const [name, attachment] of Object.entries(attach)) {
    checkAttachment(from, attachment, problems.about(`field '${name}'`));
  }
  checkDuration('waitMax', derivation.waitMax, { fromMs: WAIT_MS_MIN, toMs: WAIT_MS_MAX }, problems);
  if (derivation.onBehind !== 'hold' && derivation.onBehind !== 'attach') {
    problems.add(
      `expected onBehind 'hold' or 'attach', found ${quoted(derivation.onBehind)}. Use one of them.`,
    );
  }
}

const tablesOf = ({ attach }: Derivation): Source[] =>
  Object.values(attach).flatMap((one) => (one.kind === 'latest' ? [one.table] : []));

function checkAttachment(from: Source, attachment: Attachment, problems: ProblemList): void {
  if (attachment.kind === 'latest') {
    checkLatest(from, attachment, problems);
    return;
  }
  const { view, feature, keyFields } = attachment;
  if (!Object.hasOwn(view.features, feature)) {
    problems.add(
      `expected a feature of view '${view.name}', found '${feature}'. Use one of ${enumerate(Object.keys(view.features))}.`,
    );
  }
  for (const [key, field] of Object.entries(keyFields)) {
    checkText(from, field, `key '${key}' of view '${view.name}'`, problems);
  }
}

function checkLatest(from: Source, { table, field, by }: LatestAttachment, problems: ProblemList): void {
  if (fieldIn(table.schema, field) === undefined) {
    problems.add(
      `expected a field of source '${table.name}', found '${field}'. Use one of ${enumerate(Object.keys(table.schema))}.`,
    );
  }
  const keys = Object.entries(by);
  if (keys.length < 1 || keys.length > ENTITY_KEYS_MAX) {
    problems.add(
      `expected 1 to ${ENTITY_KEYS_MAX} key fields in by, found ${keys.length}. Say which fields of '${table.name}' and of the event are equal.`,
    );
  }
  for (const [key, own] of keys) {
    checkText(table, key, `a key of source '${table.name}'`, problems);
    checkText(from, own, `the value of '${key}'`, problems);
  }
}

function checkText(source: Source, name: string, what: string, problems: ProblemList): void {
  const found = fieldIn(source.schema, name);
  if (found?.type === 'string') return;
  const able = Object.keys(source.schema).filter((field) => source.schema[field]?.type === 'string');
  problems.add(
    `expected ${what} as a string field of source '${source.name}', found ${found === undefined ? `no field ${quoted(name)}` : `${found.type} '${name}'`}. Use one of ${enumerate(able)}.`,
  );
}

/** 0 for a source that events are sent to; what lies deeper than is allowed, or in a ring, is not measured further. */
function depthOf(source: Source, levels = DERIVATION_DEPTH_MAX + 1): number {
  const inputs = inputsOf(source);
  if (inputs.length === 0 || levels === 0) return 0;
  return 1 + Math.max(...inputs.map((input) => depthOf(input, levels - 1)));
}
