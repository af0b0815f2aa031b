import { status } from '@grpc/grpc-js';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { errorTable, type ErrorCode } from '../../../../src/core/error-table.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import { createLogger } from '../../../../src/infra/logger.ts';
import { grpcStatusOf, toServiceError } from '../../../../serving/grpc/grpc-status.ts';
import { repositoryRoot } from '../../../support/repository-files.ts';

const page = readFileSync(path.join(repositoryRoot, 'docs/serving.md'), 'utf8');
const logger = createLogger('test', 'silent');

it('gives every code of the error table the status that the page says', () => {
  const rows = [...page.matchAll(/^\| ([\d, ]+) \| `([A-Z_]+)` \| /gm)];
  const documented = new Map(
    rows.flatMap(([, https = '', name = '']) => https.split(', ').map((http) => [Number(http), status[name as keyof typeof status]])),
  );
  const codes = Object.keys(errorTable) as ErrorCode[];
  expect(codes.filter((code) => grpcStatusOf(code) !== documented.get(errorTable[code].httpStatus))).toEqual([]);
});

it('tells the code, and when to try again', () => {
  const error = new MillraceError('SERVING_OVERLOADED', 'Too much.', { details: { retryAfterSeconds: 2 } });
  const told = toServiceError(error, 'x', logger);
  expect(told).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: 'Too much.' });
  expect(told.metadata?.getMap()).toEqual({ 'millrace-error-code': 'SERVING_OVERLOADED', 'retry-after': '2' });
});

it('tells nothing of the insides of what nobody expected', () => {
  const told = toServiceError(new Error('secret'), 'x/Y', logger);
  expect(told).toMatchObject({ code: status.INTERNAL, details: expect.not.stringContaining('secret') as string });
  expect(told.metadata?.getMap()).toEqual({});
});
