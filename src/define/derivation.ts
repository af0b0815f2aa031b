import type { Duration } from '../core/duration.ts';
import type { FeatureView } from './feature-view.ts';
import type { Schema } from './field.ts';
import type { Source } from './source.ts';

/** Field of a table-like source, of its latest row with the event's key. */
export interface LatestAttachment {
  readonly kind: 'latest';
  readonly table: Source;
  readonly field: string;
  /** Field of the table -> field of the event that has the same value. */
  readonly by: Readonly<Record<string, string>>;
}

/** Feature of a view, for a key that the event carries. */
export interface FeatureAttachment {
  readonly kind: 'feature';
  readonly view: FeatureView;
  readonly feature: string;
  /** Key field of the view's entity -> field of the event that holds it. */
  readonly keyFields: Readonly<Record<string, string>>;
}

export type Attachment = LatestAttachment | FeatureAttachment;

/**
 * What is done where the log of an attached source does not have all that Kafka has within `waitMax`. `hold`: the events
 * wait, and nothing wrong is ever attached. `attach`: they go on with what the log has, and are counted.
 */
export type OnBehind = 'hold' | 'attach';

/** How the events of a derived source are made of those of another. */
export interface Derivation {
  readonly from: Source;
  /** Fields of `from` that are carried, its id and event time among them. */
  readonly carry: readonly string[];
  readonly attach: Readonly<Record<string, Attachment>>;
  readonly waitMax: Duration;
  readonly onBehind: OnBehind;
}

/** A source whose events are made of another's: nobody sends any. */
export interface DerivedSource<Name extends string = string, S extends Schema = Schema> extends Source<
  Name,
  S
> {
  readonly derivation: Derivation;
}

/** Undefined for a source that events are sent to. */
export const derivationOf = (source: Source): Derivation | undefined =>
  (source as Partial<DerivedSource>).derivation;

/** Fields of the schema that attachments make: each may be null. */
export const attachedType = (attachment: Attachment): Schema[string]['type'] =>
  attachment.kind === 'feature'
    ? 'number'
    : // What the table lacks is told by the checks.
      (attachment.table.schema[attachment.field]?.type ?? 'string');

/** Sources that an attachment reads. */
export const attachedSource = (attachment: Attachment): Source =>
  attachment.kind === 'latest' ? attachment.table : attachment.view.source;

/** Views whose features a source carries. */
export const attachedViews = (source: Source): FeatureView[] =>
  Object.values(derivationOf(source)?.attach ?? {}).flatMap((one) =>
    one.kind === 'feature' ? [one.view] : [],
  );

/** Sources that a source is made of, directly; none for one that events are sent to. */
export function inputsOf(source: Source): readonly Source[] {
  const derivation = derivationOf(source);
  if (derivation === undefined) return [];
  return [...new Set([derivation.from, ...Object.values(derivation.attach).map(attachedSource)])];
}

/** The sources and all that they are made of; each after its own inputs. */
export function withInputs(sources: readonly Source[]): Source[] {
  const found = new Set<Source>();
  const open = new Set<Source>();
  const visit = (source: Source): void => {
    // A value can't be made of itself; one that was changed into such a ring ends here and is refused by its depth.
    if (found.has(source) || open.has(source)) return;
    open.add(source);
    inputsOf(source).forEach(visit);
    open.delete(source);
    found.add(source);
  };
  sources.forEach(visit);
  return [...found];
}
