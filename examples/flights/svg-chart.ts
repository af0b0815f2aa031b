export interface Series {
  readonly name: string;
  readonly color: string;
  readonly values: readonly (number | null)[];
}

export interface LineChart {
  readonly title: string;
  readonly labels: readonly string[];
  readonly series: readonly Series[];
  /** Vertical marks, such as promotions, at positions between labels. */
  readonly marks?: readonly { readonly position: number; readonly text: string }[];
  readonly digits?: number;
}

const WIDTH = 760;
const HEIGHT = 260;
const LEFT = 56;
const RIGHT = 28;
const TOP = 34;
const BOTTOM = 34;
const GRID_LINES = 4;
/** Labels along the axis are left out where they would come closer than this. */
const LABEL_DISTANCE_MIN = 48;

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);

/** A line chart as one SVG element, readable without a script. */
export function lineChart(chart: LineChart): string {
  const values = chart.series.flatMap((s) => s.values).filter((v) => v !== null);
  const [low, high] = range(values);
  const digits = chart.digits ?? 3;
  const steps = Math.max(1, chart.labels.length - 1);
  const x = (i: number): number => LEFT + (i / steps) * (WIDTH - LEFT - RIGHT);
  const y = (v: number): number => TOP + (1 - (v - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const grid = Array.from({ length: GRID_LINES + 1 }, (_, i) => low + ((high - low) * i) / GRID_LINES)
    .map(
      (v) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(v)}" y2="${y(v)}"/><text x="${LEFT - 6}" y="${y(v) + 4}" text-anchor="end">${v.toFixed(digits)}</text>`,
    )
    .join('');
  const labelStep = Math.ceil((LABEL_DISTANCE_MIN * steps) / (WIDTH - LEFT - RIGHT));
  const labels = chart.labels
    .map((label, i) =>
      i % labelStep !== 0
        ? ''
        : `<text x="${x(i)}" y="${HEIGHT - 12}" text-anchor="middle">${escapeHtml(label)}</text>`,
    )
    .join('');
  const marks = (chart.marks ?? [])
    .map(
      (m) =>
        `<line class="mark" x1="${x(m.position)}" x2="${x(m.position)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"><title>${escapeHtml(m.text)}</title></line><text class="mark" x="${x(m.position) + 3}" y="${TOP + 10}">${escapeHtml(m.text)}</text>`,
    )
    .join('');
  const lines = chart.series
    .map((s) => {
      const points = s.values.flatMap((v, i) =>
        v === null ? [] : [`${x(i).toFixed(1)},${y(v).toFixed(1)}`],
      );
      const dots = s.values
        .map((v, i) =>
          v === null
            ? ''
            : `<circle cx="${x(i).toFixed(1)}" cy="${y(v).toFixed(1)}" r="3" fill="${s.color}"><title>${escapeHtml(`${s.name}, ${chart.labels[i] ?? ''}: ${v.toFixed(digits + 1)}`)}</title></circle>`,
        )
        .join('');
      return `<polyline points="${points.join(' ')}" fill="none" stroke="${s.color}" stroke-width="2"/>${dots}`;
    })
    .join('');
  const legend = chart.series
    .map(
      (s, i) =>
        `<rect x="${WIDTH - RIGHT - 110 * (chart.series.length - i)}" y="8" width="10" height="10" fill="${s.color}"/><text x="${WIDTH - RIGHT - 110 * (chart.series.length - i) + 15}" y="17">${escapeHtml(s.name)}</text>`,
    )
    .join('');
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(chart.title)}"><text class="title" x="${LEFT}" y="18">${escapeHtml(chart.title)}</text>${grid}${labels}${marks}${lines}${legend}</svg>`;
}

/** The range of the values with a margin, never empty. */
function range(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const margin = (high - low || Math.abs(high) || 1) * 0.1;
  return [low - margin, high + margin];
}
