import type { WireEntity, WireOnlineRequest, WireOnlineResponse, WireRow, WireValue, WireViewRead } from '../../src/contracts/feature-store.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN } from '../../src/store/copy-binary.ts';
import type { OnlineSelection } from '../../src/store/online-catalog.ts';
import type { OnlineAnswer, OnlineViewRead } from '../../src/store/online-rows.ts';
import type { OnlineFeaturesRequest } from '../features/online-features.ts';

/** @throws MillraceError REQUEST_INVALID with all problems */
export function requestOf(message: WireOnlineRequest, timeoutMs: number | undefined): OnlineFeaturesRequest {
  const problems: string[] = [];
  const selection = selectionOf(message);
  if (selection === undefined) problems.push("expected one of 'service', 'views' and 'features'");
  const { asOfMs } = message;
  if (asOfMs !== undefined && (asOfMs < TIMESTAMP_MS_MIN || asOfMs > TIMESTAMP_MS_MAX)) {
    problems.push(`as_of_ms: expected ms since the epoch from ${TIMESTAMP_MS_MIN} to ${TIMESTAMP_MS_MAX}, found ${asOfMs}`);
  }
  if (selection === undefined || problems.length > 0) {
    throw new MillraceError('REQUEST_INVALID', `Online read is wrong: ${problems.join('; ')}. feature_store.proto has the fields.`);
  }
  const include = { ages: message.includeAges ?? true, fences: message.includeFences ?? false };
  return { selection, entities: message.entities.map(entityOf), asOf: asOfMs, timeoutMs, include };
}

function selectionOf({ selection, service, views, features }: WireOnlineRequest): OnlineSelection | undefined {
  switch (selection) {
    case 'service':
      return { service: service ?? '' };
    case 'views':
      return { views: views?.names ?? [] };
    case 'features':
      return { features: features?.names ?? [] };
    case undefined:
      return undefined;
  }
}

function entityOf({ fields }: WireEntity): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, valueOf(value)]));
}

const valueOf = (value: WireValue): number | string | boolean | null =>
  value.kind === undefined ? null : (value[value.kind] ?? null);

/** @param textCount how many of the names, the last ones, are of texts */
export function responseOf(answer: OnlineAnswer, textCount: number): WireOnlineResponse {
  const numberCount = answer.names.length - textCount;
  return {
    asOfMs: answer.asOf,
    names: answer.names,
    rows: answer.rows.map((values) => rowOf(values, numberCount)),
    views: answer.views.map(viewReadOf),
  };
}

function rowOf(values: readonly (number | string | null)[], numberCount: number): WireRow {
  const numbers = new Array<number>(numberCount);
  for (let i = 0; i < numberCount; i++) numbers[i] = numberOf(values[i]);
  const texts = values.slice(numberCount).map((value) => (typeof value === 'string' ? { value } : {}));
  return { numbers, texts };
}

/** As JSON has it: no infinity and no -0. */
const numberOf = (value: number | string | null | undefined): number =>
  typeof value === 'number' && Number.isFinite(value) ? value + 0 : NaN;

function viewReadOf({ view, version, stale, ageMs = [], fences = [] }: OnlineViewRead): WireViewRead {
  return {
    view,
    version,
    stale,
    ageMs: ageMs.map((age) => age ?? -1),
    fences: fences.map((fence) => ({ hasState: fence !== null, offsets: fence ?? {} })),
  };
}
