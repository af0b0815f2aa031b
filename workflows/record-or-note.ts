import { TemporalFailure } from '@temporalio/common';
import { isCancellation } from '@temporalio/workflow';
import type { RegistryActivities } from '../src/contracts/activities.ts';
import { failureText } from './failure-text.ts';
import type { LifecycleJournal } from './lifecycle-journal.ts';

interface Where {
  readonly registry: Pick<RegistryActivities, 'recordLedger'>;
  readonly journal: LifecycleJournal;
}
type LedgerNote = Parameters<RegistryActivities['recordLedger']>[0];

/** Tells the ledger what was not done. One that can't be told is no reason to end a lifecycle: its journal then says both. */
export async function recordOrNote({ registry, journal }: Where, entry: LedgerNote): Promise<void> {
  try {
    await registry.recordLedger(entry);
  } catch (error) {
    if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
    journal.note('not in the ledger', entry.version, `${entry.action}: ${entry.reason}: ${failureText(error)}`);
  }
}
