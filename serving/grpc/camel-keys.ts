/** Fields whose keys are names of their own. */
const maps: ReadonlySet<string> = new Set(['input_map', 'output_map', 'parameters']);

/** A document of the protocol as its messages have it here: `max_batch_size` is `maxBatchSize`. */
export function camelKeys(value: unknown, isMap = false): unknown {
  if (Array.isArray(value)) return value.map((one) => camelKeys(one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [isMap ? key : camelCase(key), camelKeys(one, maps.has(key) && !isMap)]));
}

const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
