/** The load generator's process: runs what it is sent, one load after the other. Started by load-generator.ts. */
import type { LoadSpec } from './load-spec.ts';
import { runLoad } from './run-load.ts';

process.on('message', (spec: LoadSpec) => {
  void runLoad(spec).then((figures) => process.send?.(figures));
});
process.once('disconnect', () => process.exit());
process.send?.('ready');
