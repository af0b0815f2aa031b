import { isMillraceError } from '../../src/core/millrace-error.ts';
import type { BatchTensor, Part } from './batch-tensor.ts';

/** Requests of one batch that each fail a run of their own, and are told from the others all the same. */
const BAD_REQUESTS_ISOLATED = 4;

export interface Isolation {
  readonly tensor: BatchTensor;
  readonly run: (part: Part) => Promise<unknown>;
  readonly fail: (part: Part, error: unknown) => void;
}

/**
 * Fails the requests of a part of a batch. Where its run failed and it is of several, one of them may be the reason: the halves run
 * apart, and the halves of those that fail, so that the others have their answers. Nothing runs for those that nobody waits for any more, and
 * others wait meanwhile: after as many runs as find a few reasons in any case, what was not told apart fails together.
 */
export async function isolateFailure({ tensor, run, fail }: Isolation, whole: Part, reason: unknown): Promise<void> {
  let runsLeft = 2 * BAD_REQUESTS_ISOLATED * Math.ceil(Math.log2(whole.to - whole.from));
  const halve = async (part: Part, error: unknown): Promise<void> => {
    const { from, to } = part;
    if (!isMillraceError(error) || error.code !== 'SERVING_SESSION_FAILED' || to - from === 1) {
      fail(part, error);
      return;
    }
    const middle = Math.ceil((from + to) / 2);
    for (const half of [
      { from, to: middle },
      { from: middle, to },
    ]) {
      const open = tensor.compact(half);
      if (open.from === open.to) continue;
      if (runsLeft-- > 0) await run(open).catch((cause: unknown) => halve(open, cause));
      else fail(open, error);
    }
  };
  await halve(whole, reason);
}
