import type { Variant } from '../../src/contracts/allocation.ts';
import type { ServingVersion } from './serving-version.ts';

/** What a router needs of a version. */
export interface RoutedVersion {
  readonly version: number;
  /** Answers what it has taken, then closes. */
  close(): Promise<void>;
}

/** Which version answers, and as what. */
export interface Route<Version extends RoutedVersion = ServingVersion> {
  readonly target: Version;
  readonly variant: Exclude<Variant, 'shadow'>;
}
