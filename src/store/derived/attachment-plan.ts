import type { Derivation } from '../../define/derivation.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import type { Source } from '../../define/source.ts';
import { compileView, type ViewProgram } from '../../fold/compile-view.ts';

/** Fields of one table that are looked up together: they come from one row. */
export interface TableRead {
  readonly table: Source;
  /** Key fields of the table, and the event's field with the value of each. */
  readonly keys: readonly { readonly ofTable: string; readonly ofEvent: string }[];
  readonly fields: readonly { readonly name: string; readonly field: string }[];
}

/** Features of one view that are read together. */
export interface ViewRead {
  readonly program: ViewProgram;
  /** Fields of the event that hold the key, in the entity's order. */
  readonly keyFields: readonly string[];
  /** Each with its place in the program's feature names. */
  readonly features: readonly { readonly name: string; readonly feature: number }[];
}

export interface AttachmentPlan {
  readonly tables: readonly TableRead[];
  readonly views: readonly ViewRead[];
  /** Fields of the original that are carried or hold a key. */
  readonly fields: readonly string[];
}

/** Gathers the attachments of a derivation that `validateProject` found no problem with into as few reads as they need. */
export function planAttachments({ attach, carry }: Derivation): AttachmentPlan {
  const tables = new Map<string, TableRead & { fields: { name: string; field: string }[] }>();
  const views = new Map<string, ViewRead & { features: { name: string; feature: number }[] }>();
  const programs = new Map<FeatureView, ViewProgram>();
  for (const [name, one] of Object.entries(attach)) {
    if (one.kind === 'latest') {
      const keys = Object.entries(one.by)
        .map(([ofTable, ofEvent]) => ({ ofTable, ofEvent }))
        .sort((a, b) => (a.ofTable < b.ofTable ? -1 : 1));
      const slot = JSON.stringify([one.table.name, keys]);
      const read = tables.get(slot) ?? { table: one.table, keys, fields: [] };
      read.fields.push({ name, field: one.field });
      tables.set(slot, read);
    } else {
      const { view } = one;
      const keyFields = view.entity.keys.map((key) => one.keyFields[key] ?? key);
      const program = programs.get(view) ?? compileView(view);
      programs.set(view, program);
      const slot = JSON.stringify([view.name, view.version, keyFields]);
      const read = views.get(slot) ?? { program, keyFields, features: [] };
      read.features.push({ name, feature: program.featureNames.indexOf(one.feature) });
      views.set(slot, read);
    }
  }
  const all = { tables: [...tables.values()], views: [...views.values()] };
  const keys = [
    ...all.tables.flatMap((read) => read.keys.map(({ ofEvent }) => ofEvent)),
    ...all.views.flatMap((read) => read.keyFields),
  ];
  return { ...all, fields: [...new Set([...carry, ...keys])] };
}
