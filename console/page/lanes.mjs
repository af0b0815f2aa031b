/**
 * The streams that requests divide into: what serves by the allocation, with what was measured of it. An arm is named as its
 * decisions are; the champion has what the others leave.
 */
export function lanesOf({ allocation: present, traffic: measured }) {
  if (present === null) return [];
  const of = (variant, version) =>
    (measured ?? []).find((row) => row.variant === variant && row.version === version);
  const canaryShare = present.canary?.share ?? 0;
  const experiment = present.experiment ?? null;
  const arms = experiment === null || experiment.ranges.length === 0 ? [] : experiment.arms;
  const armShare = arms.reduce((sum, { share }) => sum + share, 0);
  const lanes = [];
  if (present.champion !== null) {
    lanes.push({
      role: 'champion',
      version: present.champion,
      share: Math.max(0, 1 - canaryShare - armShare),
      measured: of('champion', present.champion),
    });
  }
  for (const arm of arms) {
    const name = `${experiment.name}/${arm.name}`;
    lanes.push({ role: 'arm', name, version: arm.version, share: arm.share, measured: of(name, arm.version) });
  }
  if (present.canary !== null) {
    lanes.push({
      role: 'canary',
      version: present.canary.version,
      share: canaryShare,
      measured: of('canary', present.canary.version),
    });
  }
  if (present.shadow !== null)
    lanes.push({ role: 'shadow', version: present.shadow, share: present.champion === null ? 0 : 1 });
  return lanes;
}
