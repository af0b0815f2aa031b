#!/usr/bin/env node
// Plain JavaScript, so that any Node can start it: it teaches Node to read TypeScript and hands over.
import { register } from 'tsx/esm/api';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 3)) {
  process.stderr.write(
    `error: millrace needs Node 20.3 or newer, this is ${process.versions.node} (CONFIG_INVALID)\n`,
  );
  process.exit(2);
}
register();
const { runCommandLine } = await import('./main.ts');
await runCommandLine(process);
