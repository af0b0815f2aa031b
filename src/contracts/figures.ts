const PERCENT = 100;

/** Four significant digits. */
export const figure = (value: number | null): string => (value === null ? 'none' : String(Number(value.toPrecision(4))));

/** Of a share, with three significant digits. */
export const percent = (share: number): string => `${Number((share * PERCENT).toPrecision(3))} %`;
