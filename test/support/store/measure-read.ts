/** A process that reads the past and prints what it took: `{ rows, sha256, peakBytes }`. Its argument is a request as JSON. */
import { createLogger } from '../../../src/infra/logger.ts';
import { createPostgres } from '../../../src/infra/postgres.ts';
import { writeAsOfFile } from '../../../src/store/as-of/as-of-file.ts';
import type { AsOfFileRequest } from '../../../src/store/as-of/as-of-request.ts';
import { OnlineCatalog } from '../../../src/store/online-catalog.ts';
import { project } from './as-of-history.ts';

const KIBIBYTE = 1_024;

const { postgresUrl, views, ...request } = JSON.parse(process.argv[2] as string) as Omit<AsOfFileRequest, 'plan'> & {
  readonly postgresUrl: string;
  readonly views: readonly string[];
};
const postgres = createPostgres({ url: postgresUrl, applicationName: 'test', logger: createLogger('test', 'silent'), poolMax: 2 });
const plan = new OnlineCatalog(project).plan({ views });
const { rows, out } = await writeAsOfFile({ postgres, postgresUrl, coldLog: null }, { ...request, plan });
await postgres.close();
console.log(JSON.stringify({ rows, sha256: out.sha256, peakBytes: process.resourceUsage().maxRSS * KIBIBYTE }));
