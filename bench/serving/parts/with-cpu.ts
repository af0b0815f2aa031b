import type { LoadFigures } from '../../measure/load-spec.ts';
import { treeCpuMs } from '../../measure/tree-cpu.ts';
import type { Served } from '../peers/served.ts';

/** A load, and what a request of it cost the server in CPU time of all its processes. */
export async function withCpu(server: Served, load: () => Promise<LoadFigures>): Promise<LoadFigures & { readonly cpuMs: number }> {
  const before = treeCpuMs(server.pid);
  const figures = await load();
  return { ...figures, cpuMs: (treeCpuMs(server.pid) - before) / figures.answered };
}
