/**
 * Texts in Prometheus' format as one: the samples of a metric stand together below one HELP and TYPE, as the format
 * wants it. Samples have to differ by a label.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const families = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  for (const text of texts) {
    let family: { readonly head: string[]; readonly samples: string[] } | undefined;
    let isFirst = false;
    for (const line of text.split('\n')) {
      const [, help] = /^# HELP (\S+)/.exec(line) ?? [];
      if (help !== undefined) {
        family = families.get(help);
        isFirst = family === undefined;
        if (family === undefined) families.set(help, (family = { head: [], samples: [] }));
      }
      if (line === '') continue;
      if (!line.startsWith('#')) family?.samples.push(line);
      else if (isFirst) family?.head.push(line);
    }
  }
  return [...families.values()].map(({ head, samples }) => `${[...head, ...samples].join('\n')}\n`).join('\n');
}
