import type { Names } from '../src/contracts/names.ts';
import type { Project } from '../src/define/project.ts';
import type { ViewProgram } from '../src/fold/compile-view.ts';
import type { KafkaClient } from '../src/infra/kafka.ts';
import type { Postgres } from '../src/infra/postgres.ts';
import type { OnlineStore } from '../src/store/online-store.ts';
import type { FreshnessReader } from './freshness-reader.ts';
import type { LifecycleReader } from './lifecycle-reader.ts';
import type { SharedReads } from './shared-reads.ts';

/** Where the other parts of Millrace are, for links. */
export interface Addresses {
  readonly serving: string;
  readonly gateway: string;
  /** Null where nobody said it. */
  readonly temporalUi: string | null;
}

/** A process as its supervisor tells of it. */
export interface SupervisedState {
  readonly name: string;
  readonly status: string;
  readonly restarts: number;
  readonly since: number;
}

/** What the console reads from. */
export interface ConsoleDeps {
  readonly project: Project;
  readonly programs: readonly ViewProgram[];
  readonly names: Names;
  readonly addresses: Addresses;
  readonly commandOptions: string;
  /** Null where no supervisor tells, as in containers. */
  readonly readProcesses: () => Promise<readonly SupervisedState[] | null>;
  readonly postgres: Postgres;
  readonly kafka: KafkaClient;
  readonly store: OnlineStore;
  readonly lifecycles: LifecycleReader;
  readonly freshness: FreshnessReader;
  readonly reads: SharedReads;
  /** How long a reading stands, ms. */
  readonly keepMs: number;
}
