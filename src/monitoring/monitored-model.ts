import { assertInvariant } from '../core/assert-invariant.ts';
import { parseDuration, type Duration } from '../core/duration.ts';
import type { Model } from '../define/model.ts';
import { quoteIdentifier } from '../infra/postgres.ts';
import { logTable } from '../store/log-table.ts';

/** A model's monitor policy with its durations in milliseconds of event time. */
export interface TriggerPolicy {
  readonly featurePsi: number;
  readonly driftedFeatures: number;
  readonly ignoreDrift: readonly string[];
  readonly predictionPsi: number;
  readonly logLossIncrease: number;
  readonly newLabels: number | null;
  readonly coolDownMs: number;
}

export interface MonitoredModel {
  readonly name: string;
  readonly windowMs: number;
  readonly labelDelayMs: number;
  readonly policy: TriggerPolicy;
  readonly label: LabelColumns;
}

/** Where a model's labels are: names are quoted for use in SQL. */
export interface LabelColumns {
  readonly source: string;
  readonly table: string;
  readonly id: string;
  readonly value: string;
}

export const labelColumns = ({ label }: Model): LabelColumns => ({
  source: label.source.name,
  table: logTable(label.source.name),
  id: quoteIdentifier(label.id),
  value: quoteIdentifier(label.value),
});

export function monitoredModel(model: Model): MonitoredModel {
  const { window, labelDelay, coolDown, ...policy } = model.monitor;
  return {
    name: model.name,
    windowMs: milliseconds(window),
    labelDelayMs: milliseconds(labelDelay),
    policy: { ...policy, coolDownMs: milliseconds(coolDown) },
    label: labelColumns(model),
  };
}

function milliseconds(text: Duration): number {
  const ms = parseDuration(text);
  assertInvariant(ms !== undefined, `'${text}' passed the project's checks as a duration`);
  return ms;
}
