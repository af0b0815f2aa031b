import { once } from 'node:events';
import { run } from './bench-process.ts';
import type { LoadFigures, LoadSpec } from './load-spec.ts';

export interface LoadGenerator {
  load(spec: LoadSpec): Promise<LoadFigures>;
  /** Like {@link load}. @throws Error where any answer was not 200 */
  loadAllAnswered(spec: LoadSpec): Promise<LoadFigures>;
  close(): void;
}

/**
 * A process of its own that stays for many loads, so that its code is compiled when it counts.
 * @param core that it stays on; any by default
 */
export async function openLoadGenerator(core?: number): Promise<LoadGenerator> {
  const { child } = run('bench/measure/load-process.ts', [], { core, stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' });
  await once(child, 'message');
  const load = async (spec: LoadSpec): Promise<LoadFigures> => {
    child.send(spec);
    const [figures] = (await once(child, 'message')) as [LoadFigures];
    return figures;
  };
  return {
    load,
    async loadAllAnswered(spec) {
      const figures = await load(spec);
      if (figures.refusedRate > 0) throw new Error(`load of ${spec.url} failed by status: ${JSON.stringify(figures.failures)}`);
      return figures;
    },
    close: () => void child.disconnect(),
  };
}
