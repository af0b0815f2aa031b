/** Narrower terminals and pipes get this too: a table never depends on where it is read. */
const WIDTH_MAX = 80;
const GAP = '  ';
const COLUMN_WIDTH_MIN = 8;

export interface TableColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/**
 * Rows under their titles, no line longer than 80 columns: where they do not fit, the widest column is cut
 * and its cut values end in an ellipsis.
 */
export function renderTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map((column) => column.title), ...rows];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)));
  shrink(widths, WIDTH_MAX - GAP.length * (columns.length - 1));
  return lines
    .map((line) =>
      columns
        .map((column, at) => fit(line[at] ?? '', widths[at] as number, column.align ?? 'left'))
        .join(GAP)
        .trimEnd(),
    )
    .join('\n');
}

/** Names and values, one pair a line, values aligned. */
export function renderPairs(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}${GAP}${value}`).join('\n');
}

function shrink(widths: number[], widthMax: number): void {
  for (;;) {
    const excess = widths.reduce((sum, width) => sum + width, 0) - widthMax;
    if (excess <= 0) return;
    const widest = widths.indexOf(Math.max(...widths));
    const width = widths[widest] as number;
    if (width <= COLUMN_WIDTH_MIN) return;
    const next = Math.max(...widths.filter((_, at) => at !== widest), COLUMN_WIDTH_MIN);
    widths[widest] = Math.max(width - excess, Math.min(next, width - 1), COLUMN_WIDTH_MIN);
  }
}

function fit(text: string, width: number, align: 'left' | 'right'): string {
  const cut = text.length > width ? `${text.slice(0, width - 1)}…` : text;
  return align === 'left' ? cut.padEnd(width) : cut.padStart(width);
}

/** `—` where there is no value: an empty cell could be a fault of the table. */
export const NONE = '—';

export const formatNumber = (value: number | null | undefined, digits: number): string =>
  value === null || value === undefined || Number.isNaN(value) ? NONE : value.toFixed(digits);

/** ISO 8601 in UTC to the second. */
export const formatTime = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? NONE : `${new Date(ms).toISOString().slice(0, 19)}Z`;
