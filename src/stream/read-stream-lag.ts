import type { Names } from '../contracts/names.ts';
import { derivationOf } from '../define/derivation.ts';
import type { Source } from '../define/source.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { KafkaClient } from '../infra/kafka.ts';
import type { Postgres } from '../infra/postgres.ts';
import { readDerivePositions } from '../store/derived/derive-positions.ts';
import { readIngestPositions } from '../store/ingest-positions.ts';
import type { OnlineStore } from '../store/online-store.ts';
import { readDecisionAccounts } from '../store/source-accounts.ts';

/**
 * Messages that are not in the sinks yet, by what waits for them: `ingest <source>`, `derive <source>`,
 * `fold <view>.<version>`, `decisions`. Taken from the sinks' own positions, not from the groups' commits.
 */
export async function readStreamLag(
  deps: { kafka: KafkaClient; postgres: Postgres; store: OnlineStore; names: Names },
  sources: readonly Source[],
  programs: readonly ViewProgram[],
): Promise<Record<string, number>> {
  const { kafka, postgres, store, names } = deps;
  const lagOf = async (topic: string, nextOf: (partition: number) => number): Promise<number> => {
    const offsets = await kafka.topicOffsets(topic);
    return offsets.reduce(
      (lag, o) => lag + Math.max(0, o.end - Math.max(nextOf(o.partition), o.earliest)),
      0,
    );
  };
  const lag: Record<string, number> = {};
  for (const source of sources) {
    const derivation = derivationOf(source);
    if (derivation === undefined) continue;
    const next = await readDerivePositions(postgres, source.name);
    lag[`derive ${source.name}`] = await lagOf(names.sourceTopic(derivation.from.name), (partition) => next.get(partition) ?? 0);
  }
  for (const source of sources) {
    const next = new Map(
      (await readIngestPositions(postgres, source.name)).map((p) => [p.partition, p.nextOffset]),
    );
    lag[`ingest ${source.name}`] = await lagOf(
      names.sourceTopic(source.name),
      (partition) => next.get(partition) ?? 0,
    );
  }
  for (const program of programs) {
    const positions = await store.readPositions(program);
    lag[`fold ${program.name}.${program.version}`] = await lagOf(
      names.viewTopic(program.name, program.version),
      (partition) => (positions[partition]?.viewOffset ?? -1) + 1,
    );
  }
  const next = new Map((await readDecisionAccounts(postgres)).map((account) => [account.partition, account.next]));
  lag['decisions'] = await lagOf(names.decisionTopic(), (partition) => next.get(partition) ?? 0);
  return lag;
}
