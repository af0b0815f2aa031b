import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runCommandLine } from '../../../cli/main.ts';
import { exitCodes } from '../../../cli/exit-code.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a signal that comes again at once is the same one, later it ends the process', async () => {
  const exit = vi.fn();
  const stream = Object.assign(new EventEmitter(), { write: () => true });
  const fake = Object.assign(new EventEmitter(), { argv: ['node', 'millrace', '--version'], stdout: stream, stderr: stream, exit });
  await runCommandLine(fake as unknown as NodeJS.Process);
  fake.emit('SIGTERM', 'SIGTERM');
  vi.advanceTimersByTime(500);
  fake.emit('SIGINT', 'SIGINT');
  expect(exit).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  fake.emit('SIGTERM', 'SIGTERM');
  expect(exit).toHaveBeenCalledExactlyOnceWith(exitCodes.interrupted);
});
