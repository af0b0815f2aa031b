/** Arithmetic of the charts. */

/** PSI from which a cell has the next colour; 0.1 and 0.25 are the field's bounds for a moderate and a large shift. */
export const PSI_STEPS = [0.1, 0.25, 0.5, 1];

/** 0 (none) to 4 (very large). */
export const psiLevel = (psi) => PSI_STEPS.filter((step) => psi >= step).length;

/** Values closer together than this share of their size are one value: a chart can't tell them apart. */
const SPAN_SHARE_MIN = 1e-6;
/** Of a smaller size is zero. */
const SIZE_MIN = 1e-6;

/**
 * Round numbers that span the values: steps of 1, 2 or 5 times a power of ten, at most `countMax` of them and
 * the first and last at or beyond the ends. Two ticks around a single value; 0 and 1 for none.
 */
export function niceTicks(values, countMax) {
  const found = values.filter((value) => Number.isFinite(value));
  if (found.length === 0) return [0, 1];
  let low = Math.min(...found);
  let high = Math.max(...found);
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= Math.max(size, SIZE_MIN) * SPAN_SHARE_MIN) {
    const margin = size < SIZE_MIN ? 1 : size * 0.1;
    low -= margin;
    high += margin;
  }
  let step = niceStep((high - low) / Math.max(1, countMax - 1));
  while (ticksFrom(low, high, step).length > countMax) step = niceStep(step * 1.5);
  return ticksFrom(low, high, step);
}

/** The smallest of 1, 2 and 5 times a power of ten that is not below. */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= least * (1 - 1e-9)) ?? 10;
  return factor * power;
}

function ticksFrom(low, high, step) {
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  // Counted in steps, so that no rounding error piles up.
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

/** Digits after the point that tell the ticks apart. */
export function tickDigits(ticks) {
  const step = ticks.length < 2 ? 1 : ticks[1] - ticks[0];
  return Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
}

/** Every how many labels one is drawn, so that none touches the next. */
export const labelStep = (labels, width, labelWidth) =>
  Math.max(1, Math.ceil((labels * labelWidth) / Math.max(1, width)));

/** `M x y L x y …`, begun anew after a gap. */
export function linePath(values, x, y) {
  let path = '';
  let pen = 'M';
  values.forEach((value, at) => {
    if (value === null || value === undefined) {
      pen = 'M';
      return;
    }
    path += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = 'L';
  });
  return path;
}
