import { describe, expect, it } from 'vitest';
import { originDifference } from '../../../src/training/row-origin.ts';

const speed = { views: { trips: 'trips' }, request: [{ name: 'distance', type: 'number', nullable: false }] };
const champion = { serviceDigest: 'old', viewVersions: { trips: 1 }, onDemand: { speed }, numericNames: ['trips.count', 'speed', 'distance'] };

describe('the origin of rows', () => {
  it('is that of a version whose service only gained features', () => {
    const rows = { serviceDigest: 'new', viewVersions: { trips: 1, weather: 3 }, onDemand: { speed, other: speed } };
    expect(originDifference(champion, rows)).toBeNull();
  });

  it('is that of a version that was signed with the same service, whatever else its signature lacks', () => {
    expect(originDifference({ ...champion, viewVersions: {}, onDemand: {} }, { ...champion })).toBeNull();
  });

  it.each([
    ['another version of a view', { viewVersions: { trips: 2 } }, "version 1 of feature view 'trips', and the rows are made by version 2"],
    ['no such view', { viewVersions: {} }, "version 1 of feature view 'trips', and the rows are made by none"],
    ['another on-demand feature of a name', { onDemand: { speed: { ...speed, views: { trips: 'flights' } } } }, "another definition of 'speed' than the rows are made by"],
    ['a request field of its name', { onDemand: {} }, "another definition of 'speed'"],
    ['an on-demand feature of the name of a request field', { onDemand: { speed, distance: speed } }, "another definition of 'distance'"],
  ])('is another with %s', (_what, changes, why) => {
    expect(originDifference(champion, { ...champion, serviceDigest: 'new', ...changes })).toContain(why);
  });

  it('is taken for another where a version does not say what its on-demand features were', () => {
    const { onDemand: _, ...silent } = champion;
    expect(originDifference(silent, { ...champion, serviceDigest: 'new' })).toContain("another definition of 'speed'");
  });
});
