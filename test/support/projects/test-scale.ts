/** `MILLRACE_TEST_SCALE=10` draws ten times as many random projects; so does `npm run test:nightly`. */
export const testScale = Number(process.env['MILLRACE_TEST_SCALE'] ?? 1);

/** `MILLRACE_TEST_SEED` draws the same again; otherwise each run draws others. */
export const testSeed = Number(process.env['MILLRACE_TEST_SEED'] ?? Date.now() % 2 ** 31);
