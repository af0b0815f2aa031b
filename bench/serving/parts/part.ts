import type { Served } from '../peers/served.ts';
import type { LoadGenerator } from '../../measure/load-generator.ts';
import type { openBenchStage } from '../bench-stage.ts';
import type { Millrace, MillraceOptions } from '../start-millrace.ts';

/** What all parts of the serving bench share. */
export interface ServingBench {
  readonly stage: Awaited<ReturnType<typeof openBenchStage>>;
  readonly generator: LoadGenerator;
  /** Rows of 40 numbers. */
  readonly rows: readonly (readonly number[])[];
  /** Floors and peers that could be started. */
  readonly peers: readonly Served[];
  /** Peers that could not, each with the reason. */
  readonly missing: readonly string[];
  /** Measured seconds of one load. */
  readonly seconds: number;
  startMillrace(options?: MillraceOptions): Promise<Millrace>;
}

/** A target of the project, and what was found. */
export interface Target {
  readonly what: string;
  readonly found: string;
  readonly met: boolean;
}

export interface PartReport {
  readonly title: string;
  /** Markdown. */
  readonly text: string;
  readonly targets: readonly Target[];
}

export type Part = (bench: ServingBench) => Promise<PartReport>;
