/** CPU time of the fold along one axis. */
export interface Growth {
  readonly axis: string;
  readonly points: readonly { readonly size: number; readonly seconds: number }[];
}

const PANEL = 260;
const MARGIN = 48;
const HEIGHT = 240;
const DECADES = { from: -3, to: 2 } as const;

/** One panel per axis, both scales logarithmic; the thin line is what grows as its axis does. */
export function growthChart(all: readonly Growth[]): string {
  const width = all.length * PANEL;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${HEIGHT}" fill="white"/>`,
    ...all.flatMap((growth, i) => panel(growth, i * PANEL)),
    '</svg>',
    '',
  ].join('\n');
}

function panel({ axis, points }: Growth, left: number): string[] {
  const low = Math.log10(points[0]?.size ?? 1);
  const high = Math.max(low + 1, Math.log10(points.at(-1)?.size ?? 10));
  const x = (size: number): number =>
    left + MARGIN + ((Math.log10(size) - low) / (high - low)) * (PANEL - MARGIN - 16);
  const y = (seconds: number): number => {
    const share = (Math.log10(seconds) - DECADES.from) / (DECADES.to - DECADES.from);
    return HEIGHT - 36 - Math.min(1, Math.max(0, share)) * (HEIGHT - 56);
  };
  const line = (of: Growth['points']): string =>
    of.map(({ size, seconds }) => `${x(size).toFixed(1)},${y(seconds).toFixed(1)}`).join(' ');
  const first = points[0];
  const linear = points.map(({ size }) => ({
    size,
    seconds: ((first?.seconds ?? 0) * size) / (first?.size ?? 1),
  }));
  const decades = Array.from({ length: DECADES.to - DECADES.from + 1 }, (_, i) => DECADES.from + i);
  return [
    `<text x="${left + PANEL / 2}" y="14" text-anchor="middle">CPU s against ${axis}</text>`,
    ...decades.map(
      (decade) =>
        `<text x="${left + MARGIN - 6}" y="${(y(10 ** decade) + 4).toFixed(1)}" text-anchor="end">${10 ** decade}</text>` +
        `<line x1="${left + MARGIN}" x2="${left + PANEL - 16}" y1="${y(10 ** decade).toFixed(1)}" y2="${y(10 ** decade).toFixed(1)}" stroke="#ddd"/>`,
    ),
    ...points.map(
      ({ size }) =>
        `<text x="${x(size).toFixed(1)}" y="${HEIGHT - 18}" text-anchor="middle">${size.toLocaleString('en', { notation: 'compact' })}</text>`,
    ),
    `<polyline points="${line(linear)}" fill="none" stroke="#999" stroke-dasharray="3 3"/>`,
    `<polyline points="${line(points)}" fill="none" stroke="#1f5fbf" stroke-width="2"/>`,
    ...points.map(
      ({ size, seconds }) =>
        `<circle cx="${x(size).toFixed(1)}" cy="${y(seconds).toFixed(1)}" r="3" fill="#1f5fbf"/>`,
    ),
  ];
}
