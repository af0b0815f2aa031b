import { prepareEvent, type ViewProgram } from '../../fold/compile-view.ts';
import type { Schema } from '../../define/field.ts';
import type { Column } from '../copy-columns.ts';

/** Fills the inputs of a view's events, `inputCount` a row, from columns of fields. */
export type PrepareBlock = (rows: number, fields: readonly Column[]) => Float64Array;

/**
 * Where every input is a number of a field or the event itself, columns are copied. Conditions, hashes and codes look at
 * values: for those one row object is filled again for each event.
 * @param names fields of the columns, in their order
 */
export function blockPreparer(program: ViewProgram, names: readonly string[]): PrepareBlock {
  const isPlain = program.inputGroups.every(({ test, inputs }) => test === null && inputs.every(({ isHash, isCode }) => !isHash && !isCode));
  return isPlain ? copiedColumns(program, names) : preparedRows(program, names);
}

function copiedColumns({ inputGroups, inputCount }: ViewProgram, names: readonly string[]): PrepareBlock {
  const inputs = inputGroups.flatMap((group) => group.inputs);
  return (rows, fields) => {
    const out = new Float64Array(rows * inputCount);
    for (const { at, field } of inputs) {
      const column = field === null ? null : (fields[names.indexOf(field)] as Float64Array);
      // Adding 0 makes -0 the 0 that it equals, as preparing a row does.
      for (let row = 0, to = at; row < rows; row++, to += inputCount) out[to] = column === null ? 1 : column[row]! + 0;
    }
    return out;
  };
}

function preparedRows(program: ViewProgram, names: readonly string[]): PrepareBlock {
  const { schema } = program.view.source;
  return (rows, fields) => {
    const out = new Float64Array(rows * program.inputCount);
    const event: Record<string, string | number | boolean | null> = {};
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < names.length; i++) event[names[i]!] = valueOf(schema, names[i]!, fields[i]![row]!);
      prepareEvent(program, event, out, row * program.inputCount);
    }
    return out;
  };
}

function valueOf(schema: Schema, name: string, value: string | number | null): string | number | boolean | null {
  if (typeof value !== 'number') return value;
  if (Number.isNaN(value)) return null;
  return schema[name]?.type === 'boolean' ? value === 1 : value;
}
