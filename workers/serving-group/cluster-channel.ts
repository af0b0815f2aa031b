import type { Worker } from 'node:cluster';
import type { ToMember } from './group-messages.ts';
import type { MemberChannel } from './member-link.ts';

/** The line of a process that a primary has started. */
export function clusterChannel(worker: Worker): MemberChannel {
  // The library would end this process at once when its primary is gone; it drains instead, as `stop-with-parent` has it.
  worker.exitedAfterDisconnect = true;
  return {
    send(message) {
      if (worker.isConnected()) worker.send(message, () => undefined);
    },
    subscribe(listener) {
      process.on('message', (message: ToMember) => listener(message));
      process.once('disconnect', () => listener({ kind: 'group', ready: false }));
    },
  };
}
