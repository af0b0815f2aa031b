/* A thread does not take TypeScript from a loader among its arguments: it has to register one itself. */
import { register } from 'tsx/esm/api';

register();
await import('./read-thread-entry.ts');
