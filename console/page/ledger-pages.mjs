/** Entries that are kept; the oldest beyond it are forgotten. */
const ENTRIES_MAX = 2_000;

/** The newest page of a ledger, which moves on, and the older ones that the reader asked for, without a gap. */
export function createLedgerPages() {
  const bySeq = new Map();
  let before;
  const take = (page) => {
    for (const entry of page.entries) bySeq.set(entry.seq, entry);
  };
  const pages = {
    /** The first page, read again and again; null where it could not be read. */
    newest(page) {
      if (page === null || page === undefined) return;
      take(page);
      if (before === undefined) before = page.before;
    },
    older(page) {
      if (page === null || page === undefined) return;
      take(page);
      before = bySeq.size >= ENTRIES_MAX ? null : page.before;
    },
    /** Newest first. */
    entries: () => [...bySeq.values()].sort((a, b) => b.seq - a.seq).slice(0, ENTRIES_MAX),
    /** Where the next older page goes on; null where there is none. */
    before: () => before ?? null,
  };
  return pages;
}
