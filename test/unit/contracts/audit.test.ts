import { describe, expect, it } from 'vitest';
import {
  auditProgress,
  describeTally,
  emptyTally,
  mergeTallies,
  type AuditTally,
} from '../../../src/contracts/audit.ts';

const replayed: AuditTally = { ...emptyTally, decisions: 3, values: 6, replayedFeatures: ['v.b', 'v.a'] };

describe('the tally of an audit', () => {
  it('names each feature whose witness is a replay once, over all chunks', () => {
    const merged = mergeTallies(replayed, { ...replayed, replayedFeatures: ['v.a'] });
    expect(merged.replayedFeatures).toEqual(['v.a', 'v.b']);
    expect(describeTally(merged)).toBe(
      '6 decisions, 12 values: none differs, none stale; by replay of the fold: v.a, v.b',
    );
    expect(describeTally({ ...emptyTally, decisions: 1, values: 2 })).toBe(
      '1 decisions, 2 values: none differs, none stale',
    );
  });

  it('goes on from one that a workflow carries from before the field was there', () => {
    const { replayedFeatures: _, ...older } = replayed;
    expect(mergeTallies(older as AuditTally, replayed).replayedFeatures).toEqual(['v.a', 'v.b']);
  });

  it('says how far the audit is, what was left out included', () => {
    const plan = { seqAfter: 0, seqTo: 9, seed: '', drawnTo: null };
    const tally = { ...replayed, skipped: 1, pending: 2, mismatched: 4 };
    expect(auditProgress({ ...plan, decisions: 9 }, tally)).toEqual({ done: 6, of: 9, mismatched: 4 });
    expect(auditProgress(plan, tally).of).toBeNull();
  });
});
