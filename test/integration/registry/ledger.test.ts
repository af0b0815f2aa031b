import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LedgerNote } from '../../../src/registry/ledger-entry.ts';
import { openRegistryStage, type RegistryStage } from '../../support/registry-stage.ts';

const ENTRIES = 12;
let stage: RegistryStage;

const note = (reason: string): LedgerNote => ({
  model: null,
  version: null,
  actor: 'tester',
  action: 'note',
  reason,
  details: { share: 0.1, big: 1e21, nested: { b: [1, null, 'é'], a: true } },
});

beforeEach(async () => {
  stage = await openRegistryStage();
  await Promise.all(Array.from({ length: ENTRIES }, (_, i) => stage.registry.recordLedger(note(`entry ${i}`))));
});
afterEach(() => stage.close());

/** Changes the table as only its owner can, behind the triggers. */
async function tamper(statement: string): Promise<void> {
  await stage.postgres.transaction(async (tx) => {
    await tx.query('ALTER TABLE millrace.ledger DISABLE TRIGGER ledger_append_only');
    await tx.query(statement);
    await tx.query('ALTER TABLE millrace.ledger ENABLE TRIGGER ledger_append_only');
  });
}

describe('the ledger', () => {
  it('verifies after many wrote at once', async () => {
    expect(await stage.registry.verifyLedger()).toEqual({ entries: ENTRIES, ok: true, firstBad: null });
  });

  it('keeps what PostgreSQL keeps of a text that was cut within a character, and verifies', async () => {
    const half = '\ud83d';
    await stage.registry.recordLedger({
      ...note(`users complain ${half}`),
      actor: half,
      details: { asked: half, [half]: [half, { inner: `whole \ud83d\ude00, half ${half}` }] },
    });
    expect(await stage.registry.verifyLedger()).toEqual({ entries: ENTRIES + 1, ok: true, firstBad: null });
    expect(await stage.postgres.query('SELECT actor, reason, details FROM millrace.ledger ORDER BY seq DESC LIMIT 1')).toEqual([
      {
        actor: '\ufffd',
        reason: 'users complain \ufffd',
        details: { asked: '\ufffd', '\ufffd': ['\ufffd', { inner: 'whole \ud83d\ude00, half \ufffd' }] },
      },
    ]);
  });

  it.each(["UPDATE millrace.ledger SET reason = 'nicer'", 'DELETE FROM millrace.ledger', 'TRUNCATE millrace.ledger'])(
    'refuses: %s',
    async (statement) => {
      await expect(stage.postgres.query(statement)).rejects.toMatchObject({ code: 'STORE_QUERY_FAILED' });
    },
  );

  it.each([
    ['changed', "UPDATE millrace.ledger SET reason = 'nicer' WHERE seq = 5", 5],
    ['changed in its details', `UPDATE millrace.ledger SET details = '{"share": 0.2}' WHERE seq = 7`, 7],
    ['missing', 'DELETE FROM millrace.ledger WHERE seq = 4', 4],
    ['missing at the end', `DELETE FROM millrace.ledger WHERE seq = ${ENTRIES}`, ENTRIES],
    ['out of order', 'UPDATE millrace.ledger SET seq = CASE seq WHEN 102 THEN 3 ELSE 2 END WHERE seq > 100', 2],
  ])('finds an entry that is %s', async (what, statement, seq) => {
    if (what === 'out of order') await tamper('UPDATE millrace.ledger SET seq = seq + 100 WHERE seq IN (2, 3)');
    await tamper(statement);
    expect(await stage.registry.verifyLedger()).toMatchObject({ ok: false, firstBad: { seq } });
  });
});
