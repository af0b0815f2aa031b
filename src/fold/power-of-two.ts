/** (ln 2)^n / n!, n = 0 to 16: of the series of 2^x what counts in a double for x below 1. */
const COEFFICIENTS = [
  1, 0.6931471805599453, 0.24022650695910072, 0.05550410866482158, 0.009618129107628477,
  0.0013333558146428443, 0.0001540353039338161, 0.000015252733804059841, 0.000001321548679014431,
  1.01780860092397e-7, 7.054911620801123e-9, 4.4455382718708116e-10, 2.5678435993488206e-11,
  1.3691488853904128e-12, 6.778726354822545e-14, 3.1324367070884287e-15, 1.3570247948755148e-16,
];

/**
 * 2^x to within 2.5e-16 of itself. Of IEEE 754 additions and multiplications in an order that
 * millrace.power_of_two repeats, so that every path has the same bits: no two libraries' powers do.
 * @param x from 0 to below 1
 */
export function powerOfTwo(x: number): number {
  let power = 0;
  for (let n = COEFFICIENTS.length - 1; n >= 0; n--) power = power * x + COEFFICIENTS[n]!;
  return power;
}
