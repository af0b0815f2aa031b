import type { Postgres } from '../infra/postgres.ts';
import { AS_OF_COLUMN, parseSpine, type SpineRecord } from '../store/as-of/parse-spine.ts';
import { postgresEvents } from '../store/as-of/postgres-events.ts';
import { AS_OF_CHUNK_ROWS, readAsOf } from '../store/as-of/read-as-of.ts';
import { newestKnownTime } from '../store/offline-log.ts';
import type { OnlineCatalog } from '../store/online-catalog.ts';
import type { AsOfFeatures, AsOfRead } from './millrace-client.ts';

/** @throws MillraceError FEATURE_NOT_FOUND, FEATURE_SPINE_INVALID, STORE_UNAVAILABLE */
export async function* readAsOfRows(
  postgres: Postgres,
  catalog: OnlineCatalog,
  { selection, spine, mode = 'known', dataCut }: AsOfRead,
): AsyncGenerator<AsOfFeatures> {
  const events = postgresEvents(postgres);
  const plan = catalog.plan(selection);
  const sources = [...new Set(plan.views.map(({ view }) => view.source))];
  const cut = dataCut ?? (await newestKnownTime(postgres, sources)) ?? 0;
  let rows = 0;
  const readChunk = async (records: readonly SpineRecord[]): Promise<AsOfFeatures[]> => {
    const parsed = parseSpine({ plan, asOfColumn: AS_OF_COLUMN, isText: false }, records, rows + 1);
    rows += records.length;
    const { values } = await readAsOf(events, plan, parsed, { mode, dataCut: cut });
    return records.map((entity, i) => ({
      entity,
      features: Object.fromEntries(plan.names.map((name, f) => [name, values[i]?.[f] ?? null])),
    }));
  };
  let chunk: SpineRecord[] = [];
  for await (const record of spine) {
    chunk.push(record);
    if (chunk.length < AS_OF_CHUNK_ROWS) continue;
    yield* await readChunk(chunk);
    chunk = [];
  }
  if (chunk.length > 0) yield* await readChunk(chunk);
}
