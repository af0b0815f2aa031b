import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProgressRenderer, type ProgressRenderer } from '../../../stack/progress-renderer.ts';

let text: string;
let nowMs: number;
let renderer: ProgressRenderer;
const open = (isTTY: boolean): void => {
  renderer = createProgressRenderer(
    { isTTY, columns: 60, write: (part: string) => (text += part) },
    () => nowMs,
  );
};

beforeEach(() => {
  vi.useFakeTimers();
  text = '';
  nowMs = 0;
});
afterEach(() => {
  renderer.close();
  vi.useRealTimers();
});

describe('progress in a file', () => {
  it('has a line for each change of state, not for each message', () => {
    open(false);
    renderer.onProgress({ server: 'kafka', phase: 'fetching', message: 'one' });
    renderer.onProgress({ server: 'kafka', phase: 'fetching', message: 'two' });
    nowMs = 1500;
    renderer.onProgress({ server: 'kafka', phase: 'ready', message: 'at last' });
    expect(text.trimEnd().split('\n')).toEqual([
      '· kafka    fetching    0.0 s  one',
      '✓ kafka    ready       1.5 s  at last',
    ]);
  });

  it('shows every ten seconds that a server is still being worked on', () => {
    open(false);
    renderer.onProgress({ server: 'temporal', phase: 'fetching', message: 'building' });
    renderer.onProgress({ server: 'redis', phase: 'ready', message: 'there' });
    text = '';
    nowMs = 10_000;
    vi.advanceTimersByTime(10_000);
    expect(text).toBe('· temporal fetching   10.0 s  building\n');
  });

  it('shows the end of the log of a server that crashed', () => {
    open(false);
    renderer.onProgress({ server: 'redis', phase: 'crashed', message: 'gone', logTail: ['first', 'last'] });
    expect(text).toContain('    redis | first\n    redis | last\n');
  });
});

describe('progress on a terminal', () => {
  it('keeps one line for each server and cuts it to the width', () => {
    open(true);
    renderer.onProgress({ server: 'redis', phase: 'starting', message: 'x'.repeat(100) });
    renderer.onProgress({ server: 'kafka', phase: 'starting', message: 'y' });
    const lastDrawing = text.slice(text.lastIndexOf('\x1b[1A'));
    const lines = lastDrawing.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('kafka');
    expect(lines[1]?.replace('\x1b[2K', '')).toHaveLength(59);
  });
});
