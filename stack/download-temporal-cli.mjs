// Has Temporal's SDK download the CLI into a folder; a process of its own, because that download can't be cancelled.
//   node stack/download-temporal-cli.mjs <folder> <version>
import { TestWorkflowEnvironment } from '@temporalio/testing';

// Loading the SDK takes seconds on a busy machine: the time limit counts from here.
console.log('downloading');
const [downloadDir, version] = process.argv.slice(2);
const server = await TestWorkflowEnvironment.createLocal({
  server: { executable: { type: 'cached-download', downloadDir, version } },
});
await server.teardown();
