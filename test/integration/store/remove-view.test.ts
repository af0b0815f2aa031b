import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { KafkaClient } from '../../../src/infra/kafka.ts';
import { applyProject } from '../../../src/store/apply-project.ts';
import { removeView, removeViewKeys, type RemoveViewDeps } from '../../../src/store/remove-view.ts';
import { addViewVersion, flipViewVersion, lockViews, moveViewVersion, readViewChanges, readViewVersions } from '../../../src/store/view-versions.ts';
import { eventually, openEventPath, type EventPath } from '../stream/event-path.ts';

const note = { actor: 'tester', reason: 'try it' };
const one = { name: 'v', version: 1 };
const two = { name: 'v', version: 2 };
let path: EventPath;
let removed: string[];

beforeAll(async () => {
  path = await openEventPath();
});
afterAll(() => path.close());

/** Version 1 has retired, version 2 is current. */
beforeEach(async () => {
  removed = [];
  await path.postgres.query("DELETE FROM millrace.view_versions WHERE name = 'v'");
  await path.postgres.transaction(async (tx) => {
    await addViewVersion(tx, one, 'current', note);
    await addViewVersion(tx, two, 'building', note);
    await flipViewVersion(tx, two, ['building'], note);
  });
});

const stateOf = async (of: typeof one): Promise<string> => {
  const row = (await readViewVersions(path.postgres)).find(({ name, version }) => name === of.name && version === of.version);
  return `${row?.state}${row?.removed ? ', removed' : ''}`;
};

/** As another `apply` does it. */
const comeBack = () =>
  path.postgres.transaction(async (tx) => {
    await lockViews(tx);
    await addViewVersion(tx, one, 'building', note);
  });

const kafka = {
  topicPartitions: async (topics: readonly string[]) => new Map(topics.map((topic) => [topic, 1])),
  deleteTopics: async (topics: readonly string[]) => void removed.push(...topics.map(() => 'topic')),
} as unknown as KafkaClient;

const remove = (over: Partial<RemoveViewDeps> = {}) =>
  removeView(
    {
      postgres: path.postgres,
      kafka,
      names: path.names,
      keepMs: 0,
      pinnedViews: async () => [],
      removeStates: async (_name, _version, whileGone) => ((await whileGone(async () => removed.push('states'))) ? 7 : 0),
      ...over,
    },
    one,
    note,
  );

test('a version that nothing needs goes, its topic before its states', async () => {
  expect(await remove()).toEqual({ keys: 7 });
  expect(removed).toEqual(['topic', 'states']);
  expect(await stateOf(one)).toBe('gone, removed');
  // Another that was planned at the same time finds nothing to do.
  expect(await remove()).toBeNull();
});

test('one that came back since the plan was made stays', async () => {
  await path.postgres.transaction((tx) => flipViewVersion(tx, one, ['retiring'], note));
  expect(await remove()).toBeNull();
  expect([removed, await stateOf(one)]).toEqual([[], 'current']);
});

test('one that a model version reads again, or that retired anew, stays', async () => {
  const pinned = { model: 'm', modelVersion: 3, why: 'rollback', views: { v: 1 } };
  expect(await remove({ pinnedViews: async () => [pinned] })).toBeNull();
  expect(await remove({ keepMs: 60_000 })).toBeNull();
  expect([removed, await stateOf(one)]).toEqual([[], 'retiring']);
});

test('one that comes back while its consumers let it go keeps its topic and its states', async () => {
  const removing = remove();
  await eventually('it is gone', async () => (await stateOf(one)) === 'gone');
  await comeBack();
  expect(await removing).toBeNull();
  expect([removed, await stateOf(one)]).toEqual([[], 'building']);
});

test('one that comes back while its states go loses no more of them', async () => {
  const removeStates: RemoveViewDeps['removeStates'] = async (_name, _version, whileGone) => {
    await whileGone(async () => removed.push('page'));
    await comeBack();
    await whileGone(async () => removed.push('second page'));
    return 1;
  };
  expect(await remove({ removeStates })).toBeNull();
  expect([removed, await stateOf(one)]).toEqual([['topic', 'page'], 'building']);
});

test('a project that goes back to a version whose removal was cut off begins with nothing left of it', async () => {
  const [program] = path.programs;
  if (program === undefined) throw new Error('no view');
  await path.postgres.query("UPDATE millrace.view_versions SET state = 'gone' WHERE name = $1", [program.name]);
  const left = `${path.names.viewTopic(program.name, program.version)}`;
  const key = path.names.stateKey(program.name, program.version, 0, 'left');
  await path.redis.set(key, 'state');
  const said: string[] = [];
  await applyProject(path.project, {
    ...path,
    clock: Date.now,
    registerModel: async () => undefined,
    removeStates: (name, version, whileGone) => removeViewKeys(path.redis, path.names, name, version, whileGone),
    onStep: (text) => void said.push(text),
  });
  expect(said).toContain(`remove featureView ${program.name} (version ${program.version}: what is left of it, its removal was cut off)`);
  expect(await path.redis.get(key)).toBeNull();
  expect((await path.kafka.topicPartitions([left])).get(left)).toBe(program.partitions);
  expect(await stateOf(program)).toBe('current');
});

test('a project that goes back to a version that left before it was filled fills it, and does not flip to it', async () => {
  const [program] = path.programs;
  if (program === undefined) throw new Error('no view');
  const { name, version } = program;
  const said: string[] = [];
  const applied = () => applyProject(path.project, { ...path, clock: Date.now, registerModel: async () => undefined, onStep: (text) => void said.push(text) });
  const leave = () => path.postgres.query("UPDATE millrace.view_versions SET state = 'retiring' WHERE name = $1", [name]);
  await leave();
  await path.postgres.transaction((tx) => moveViewVersion(tx, program, ['retiring'], 'building', note));
  await leave();
  await applied();
  expect(said).toContain(`recompute featureView ${name} (version ${version} going on, it is retiring)`);
  const changes = (await readViewChanges(path.postgres, 10)).filter((change) => change.name === name).map(({ toState }) => toState);
  expect(changes).toEqual(['current', 'comparing', 'backfilling', 'building', 'building']);
  // Filled and kept up, it flips back at once.
  await leave();
  await applied();
  expect(said).toContain(`flip featureView ${name} (version ${version} is current again, its states are kept up)`);
});
