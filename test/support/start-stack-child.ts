/** A process that starts a stack and then does nothing, for tests that end it from outside. */
import { startStack } from '../../stack/start-stack.ts';

const [dataDir = ''] = process.argv.slice(2);
const stack = await startStack({
  dataDir,
  environment: process.env,
  onProgress: ({ server, phase }) => process.stdout.write(`${server} ${phase}\n`),
});
stack.unwatch();
process.stdout.write('all ready\n');
setInterval(() => undefined, 1000);
