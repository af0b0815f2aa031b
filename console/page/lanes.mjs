/** Heights of the picture: a lane's place, and the stream of all requests. */
export const SLOT = 64;
const STREAM = 44;
/** A canary of one in a hundred must still be seen. */
const THIN = 2.5;

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

/** The streams where all of them begin, one on the other; a shadow's copies lie in their middle. */
export function layOut(lanes) {
  const middle = (lanes.length * SLOT) / 2;
  let from = middle - STREAM / 2;
  return lanes.map(({ role, share }) => {
    if (role === 'shadow') return { role, thick: STREAM * 0.5, start: middle - STREAM * 0.25 };
    const thick = Math.max(THIN, STREAM * share);
    from += thick;
    return { role, thick, start: from - thick };
  });
}

/** In the middle of the widest stream: between two it could not be read. */
export function labelTop(lanes) {
  const answering = layOut(lanes).filter(({ role }) => role !== 'shadow');
  // Before the first version answers there is a shadow only.
  const none = { thick: 0, start: (lanes.length * SLOT) / 2 };
  const widest = answering.reduce((found, stream) => (stream.thick > found.thick ? stream : found), none);
  return widest.start + widest.thick / 2;
}
