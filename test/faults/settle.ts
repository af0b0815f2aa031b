import { setTimeout as sleep } from 'node:timers/promises';
import type { ViewProgram } from '../../src/fold/compile-view.ts';
import type { KafkaClient } from '../../src/infra/kafka.ts';
import { readIngestPositions } from '../../src/store/ingest-positions.ts';
import type { OnlineStore } from '../../src/store/online-store.ts';
import { watermarkOf } from '../../src/store/view-position.ts';
import type { StateDeps } from './check-states.ts';

export interface SettleDeps extends StateDeps {
  readonly kafka: KafkaClient;
  readonly store: OnlineStore;
}

const POLL_MS = 100;

/**
 * Waits until everything that Kafka holds has gone all the way: the offline log has every source partition to its end,
 * each view partition has seen all of them and all of its frames, and nobody is rebuilding.
 * @throws Error that says what is behind, after `limitMs`
 */
export async function settle(
  deps: SettleDeps,
  programs: readonly ViewProgram[],
  limitMs: number,
): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  for (;;) {
    let behind: string;
    try {
      const first = await whatIsBehind(deps, programs);
      if (first === undefined) return;
      behind = first;
    } catch (error) {
      behind = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > giveUpAt) throw new Error(`not settled within ${limitMs} ms: ${behind}`);
    await sleep(POLL_MS);
  }
}

async function whatIsBehind(deps: SettleDeps, programs: readonly ViewProgram[]): Promise<string | undefined> {
  const { kafka, names, store, postgres } = deps;
  for (const source of new Set(programs.map((program) => program.view.source))) {
    const ends = await kafka.topicOffsets(names.sourceTopic(source.name));
    const positions = await readIngestPositions(postgres, source.name);
    for (const { partition, end } of ends) {
      const next = positions.find((position) => position.partition === partition)?.nextOffset;
      if (next !== end) {
        return `the offline log of source '${source.name}', partition ${partition}, expects offset ${next}, Kafka ends at ${end}`;
      }
    }
    for (const program of programs.filter((candidate) => candidate.view.source === source)) {
      const frames = await kafka.topicOffsets(names.viewTopic(program.name, program.version));
      for (const [at, position] of (await store.readPositions(program)).entries()) {
        const what = `view '${program.name}', partition ${at}`;
        if (position.rebuild !== undefined) return `${what}, is being rebuilt`;
        const lag = ends.find(({ partition, end }) => watermarkOf(position, partition) !== end - 1);
        if (lag !== undefined) {
          return `${what}, has seen source partition ${lag.partition} to ${watermarkOf(position, lag.partition)}, Kafka ends at ${lag.end}`;
        }
        const end = frames.find(({ partition }) => partition === at)?.end ?? 0;
        if (position.viewOffset !== end - 1)
          return `${what}, has folded frame ${position.viewOffset}, Kafka ends at ${end}`;
      }
    }
  }
  return undefined;
}
