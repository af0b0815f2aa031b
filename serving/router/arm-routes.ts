import { armVariant, bucketOf, rangeAt, type BucketRange, type Experiment } from '../../src/contracts/experiment.ts';
import type { Route, RoutedVersion } from './route.ts';
import { splitPoint } from './split-point.ts';

interface ArmRange<Version extends RoutedVersion> extends BucketRange {
  /** Null: the arm's version is not loaded here, so the champion answers. */
  readonly route: Route<Version> | null;
}

/** Which arm of the running experiment an entity has. Replaced as a whole, never changed. */
export class ArmRoutes<Version extends RoutedVersion> {
  readonly experiment: Experiment;
  /** Of the arms that are loaded; each the same object for as long as the arms are. */
  readonly routes: readonly Route<Version>[];
  readonly #ranges: readonly ArmRange<Version>[];

  /** @param loadedTarget the version where it is loaded here, else null */
  constructor(experiment: Experiment, loadedTarget: (version: number) => Version | null) {
    this.experiment = experiment;
    const byArm = new Map<string, Route<Version>>();
    for (const { name, version } of experiment.arms) {
      const target = loadedTarget(version);
      if (target !== null) byArm.set(name, { target, variant: armVariant(experiment.name, name) });
    }
    this.routes = [...byArm.values()];
    this.#ranges = experiment.ranges.map((range) => ({ ...range, route: byArm.get(range.arm) ?? null }));
  }

  /** Null: no arm has the entity, or its version is not loaded here. */
  routeOf(model: string, entityKeys: readonly (string | null)[]): Route<Version> | null {
    const bucket = bucketOf(experimentPoint(model, this.experiment.name, entityKeys));
    return rangeAt(this.#ranges, bucket)?.route ?? null;
  }
}

/**
 * Where an entity lies in [0, 1) of an experiment: the split of the canary with the experiment's name as salt, so that the
 * arms of one say nothing about those of another, nor about who was in a canary. No model's name has a slash.
 */
export const experimentPoint = (model: string, experiment: string, entityKeys: readonly (string | null)[]): number =>
  splitPoint(`${model}/${experiment}`, entityKeys);
