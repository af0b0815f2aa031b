import type { Worker } from 'node:cluster';

interface LibraryMessage {
  readonly cmd?: string;
  readonly act?: string;
  readonly seq?: number;
  readonly ack?: number;
}

/**
 * A connection that the library has sent to a process which dies before it takes it is kept open and forgotten: its caller would wait
 * for ever. Here the primary is told, in the words of the dead process, that it was not taken; it then goes to the next.
 */
export function handOverAgain({ process: child }: Worker): void {
  const sent = new Set<number>();
  const refuse = (seq: number): void => {
    sent.delete(seq);
    // The event is the library's own, so types do not know it.
    (child as NodeJS.EventEmitter).emit('internalMessage', { cmd: 'NODE_CLUSTER', ack: seq, accepted: false });
  };
  const refuseAll = (): void => {
    for (const seq of sent) refuse(seq);
  };
  const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null || !child.connected;
  const send = child.send.bind(child) as (...all: unknown[]) => boolean;
  child.send = (...all: unknown[]): boolean => {
    const { act, seq } = all[0] as LibraryMessage;
    if (act === 'newconn' && seq !== undefined) {
      sent.add(seq);
      if (isGone()) setImmediate(refuse, seq);
    }
    return send(...all);
  };
  (child as NodeJS.EventEmitter).prependListener('internalMessage', ({ ack }: LibraryMessage) => {
    if (ack !== undefined) sent.delete(ack);
  });
  child.once('exit', refuseAll);
  child.once('disconnect', refuseAll);
}
