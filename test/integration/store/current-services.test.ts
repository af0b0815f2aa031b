import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileService } from '../../../src/fold/compile-service.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import {
  currentDefinitions,
  currentModel,
  recordService,
  serviceOfDigest,
} from '../../../src/store/current-services.ts';
import type { Model } from '../../../src/define/model.ts';
import { isFolded, liveViewsText, readLiveViews } from '../../../src/store/live-views.ts';
import { serviceDigest } from '../../../src/store/service-digest.ts';
import {
  addViewVersion,
  flipViewVersion,
  moveViewVersion,
  readViewChanges,
} from '../../../src/store/view-versions.ts';
import changedProject, {
  courierDeliveriesChanged,
  lateParcelChanged,
} from '../../e2e/parcels/changed-project.ts';
import parcels, { courierDeliveries, lateParcel } from '../../e2e/parcels/project.ts';
import { openEventPath, type EventPath } from '../stream/event-path.ts';

const note = { actor: 'tester', reason: 'try it' };
const VIEW = courierDeliveries.name;
const two = { name: VIEW, version: 2 };
let path: EventPath;

beforeAll(async () => {
  path = await openEventPath(parcels);
});
afterAll(() => path.close());

const stateOf = async (): Promise<string[]> =>
  (await readLiveViews(path.postgres, parcels))
    .filter(({ program }) => program.name === VIEW)
    .map(({ program, state }) => `${program.version} ${state}`);

const digestOf = (model: Model): string => serviceDigest(compileService(model.service));

/** As `apply` leaves it where the source has history: the definitions are there, the version is to be filled. */
async function beginVersionTwo(): Promise<void> {
  await path.postgres.query("UPDATE millrace.ingest_positions SET next_offset = 1 WHERE source = 'deliveries'");
  await path.postgres.transaction((tx) => addViewVersion(tx, two, 'building', note));
  const definition = { partitions: courierDeliveriesChanged.partitions, program: compileView(courierDeliveriesChanged).definition };
  await path.postgres.query(
    `INSERT INTO millrace.definitions (kind, name, version, digest, definition)
     VALUES ('featureView', $1, 2, 'as applied', $2)`,
    [VIEW, JSON.stringify(definition)],
  );
}

describe('a project whose file and whose current views differ', () => {
  test('is trained on what is current, whichever of the two the file has', async () => {
    expect(digestOf(await currentModel(path.postgres, parcels, lateParcel))).toBe(digestOf(lateParcel));
    await beginVersionTwo();
    expect(await stateOf()).toEqual(['1 current', '2 building']);
    // The file is ahead: version 2 is not filled yet.
    expect(digestOf(await currentModel(path.postgres, changedProject, lateParcelChanged))).toBe(digestOf(lateParcel));
    await path.postgres.transaction((tx) => flipViewVersion(tx, two, ['building'], note));
    expect(await stateOf()).toEqual(['1 retiring', '2 current']);
    // The file is behind: the version that was current when it was written was replaced.
    expect(digestOf(await currentModel(path.postgres, parcels, lateParcel))).toBe(digestOf(lateParcelChanged));
    const { views, services } = await currentDefinitions(path.postgres, parcels);
    expect(views.find(({ name }) => name === VIEW)?.version).toBe(2);
    expect(services.map((service) => serviceDigest(compileService(service)))).toEqual([digestOf(lateParcelChanged)]);
  });

  test('makes the feature service of any applied digest again, its on-demand code from the file', async () => {
    await recordService(path.postgres, compileService(lateParcelChanged.service));
    for (const [project, service] of [
      [parcels, lateParcel.service],
      [changedProject, lateParcelChanged.service],
    ] as const) {
      for (const digest of [digestOf(lateParcel), digestOf(lateParcelChanged)]) {
        const made = await serviceOfDigest(path.postgres, project, service, digest);
        expect(serviceDigest(made.program)).toBe(digest);
        expect(made.gone).toEqual([]);
        expect(made.program.onDemand.map(({ name }) => name)).toEqual(['minutes_since_order', 'is_busy']);
      }
    }
    const without = { ...lateParcel.service, onDemand: [] };
    await expect(
      serviceOfDigest(path.postgres, parcels, without, digestOf(lateParcelChanged)),
    ).rejects.toMatchObject({
      code: 'FEATURE_SERVICE_UNKNOWN',
      message: expect.stringContaining("no longer has on-demand feature 'minutes_since_order'") as string,
    });
    await expect(serviceOfDigest(path.postgres, parcels, lateParcel.service, 'none')).rejects.toMatchObject({
      code: 'FEATURE_SERVICE_UNKNOWN',
    });
  });

  test('says which of its views are gone, and still knows what they were', async () => {
    await path.postgres.transaction((tx) => moveViewVersion(tx, { name: VIEW, version: 1 }, ['retiring'], 'gone', note));
    const made = await serviceOfDigest(path.postgres, changedProject, lateParcelChanged.service, digestOf(lateParcel));
    expect(serviceDigest(made.program)).toBe(digestOf(lateParcel));
    expect(made.gone).toEqual([`'${VIEW}' version 1`]);
    expect(await stateOf()).toEqual(['2 current']);
  });

  test('with a view that has no current version is not trained: FEATURE_VIEW_NOT_READY', async () => {
    const before = await liveViewsText(path.postgres);
    expect(await liveViewsText(path.postgres)).toBe(before);
    await path.postgres.transaction((tx) => moveViewVersion(tx, two, ['current'], 'comparing', note));
    await expect(currentModel(path.postgres, parcels, lateParcel)).rejects.toMatchObject({
      code: 'FEATURE_VIEW_NOT_READY',
      message: expect.stringContaining('version 2 is comparing') as string,
    });
    expect(await liveViewsText(path.postgres)).not.toBe(before);
    // The consumers have it all the same.
    const live = await readLiveViews(path.postgres, parcels);
    expect(live.filter(isFolded).some(({ program }) => program.name === VIEW && program.version === 2)).toBe(true);
  });

  test('keeps every change with who and why, and lets nobody rewrite it', async () => {
    const [last] = await readViewChanges(path.postgres, 1);
    expect(last).toMatchObject({ name: VIEW, version: 2, fromState: 'current', toState: 'comparing', ...note });
    await expect(path.postgres.query('DELETE FROM millrace.view_version_changes')).rejects.toThrow(/append-only/);
    // A state that it is not in moves nothing.
    expect(await path.postgres.transaction((tx) => moveViewVersion(tx, two, ['building'], 'current', note))).toBe(false);
  });
});
