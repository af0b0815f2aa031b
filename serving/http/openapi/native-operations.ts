import type { ErrorCode } from '../../../src/core/error-table.ts';
import { bulkLine, NDJSON_TYPE } from '../bulk-route.ts';
import { historicalBody } from '../parse-historical-request.ts';
import { onlineBody } from '../parse-online-request.ts';
import { predictBody } from '../parse-predict-request.ts';
import * as answers from './answers.ts';
import { JSON_TYPE, type Operation } from './operation.ts';

const selection = ['service', 'views', 'features'];
const storeErrors: readonly ErrorCode[] = ['STORE_UNAVAILABLE', 'STORE_QUERY_FAILED'];
const readErrors: readonly ErrorCode[] = [
  ...storeErrors,
  'FEATURE_AS_OF_TOO_EARLY',
  'FEATURE_STALE',
  'FEATURE_ON_DEMAND_FAILED',
  'STATE_CORRUPT',
  'SERVING_OVERLOADED',
  'SERVING_DEADLINE_EXCEEDED',
];
export const scoreErrors: readonly ErrorCode[] = [
  'MODEL_NOT_FOUND',
  'MODEL_NOT_READY',
  'SERVING_OVERLOADED',
  'SERVING_DEADLINE_EXCEEDED',
  'SERVING_DRAINING',
  'SERVING_SCORE_INVALID',
  'SERVING_SESSION_FAILED',
  'SERVING_SESSION_LOST',
];

/** Of any model; the document has one per model of it. */
export const predictOperation = {
  method: 'post',
  path: '/v1/models/{model}/predict',
  summary: 'Scores instances; each answer is a decision that is stored.',
  body: { schema: predictBody, mediaTypes: [JSON_TYPE], required: true, oneOf: ['instances', 'instance'] },
  timed: true,
  prioritized: true,
  answer: answers.predictAnswer,
  errors: [...scoreErrors, ...readErrors, 'FEATURE_NOT_FOUND', 'SERVING_DECISION_LOG_FULL'],
} as const satisfies Operation;

/** The endpoints that are Millrace's own; docs/serving.md says what each is for. */
export const nativeOperations: readonly Operation[] = [
  predictOperation,
  {
    method: 'post',
    path: '/v1/models/{model}/predict/bulk',
    summary: 'Scores one instance a line; each line of the answer is that of a line, in order.',
    body: { schema: bulkLine, mediaTypes: [NDJSON_TYPE], required: true },
    timed: true,
    prioritized: true,
    answer: answers.bulkAnswer,
    answerTypes: [NDJSON_TYPE],
    errors: ['MODEL_NOT_FOUND', 'MODEL_NOT_READY', 'SERVING_OVERLOADED'],
  },
  {
    method: 'post',
    path: '/v1/features/online',
    summary: 'Feature values of entities without a model.',
    body: { schema: onlineBody, mediaTypes: [JSON_TYPE], required: true, oneOf: selection },
    timed: true,
    answer: answers.onlineAnswer,
    errors: [...readErrors, 'FEATURE_NOT_FOUND'],
  },
  {
    method: 'post',
    path: '/v1/features/historical',
    summary: 'Feature values as of past moments.',
    body: { schema: historicalBody, mediaTypes: [JSON_TYPE], required: true, oneOf: selection },
    timed: true,
    answer: answers.historicalAnswer,
    errors: [
      ...storeErrors,
      'FEATURE_NOT_FOUND',
      'FEATURE_SPINE_INVALID',
      'FEATURE_ON_DEMAND_FAILED',
      'FEATURE_READ_DIED',
      'COLD_LOG_NOT_OPENED',
      'COLD_LOG_FILE_MISSING',
      'COLD_LOG_FILE_CORRUPT',
      'COLD_LOG_QUERY_FAILED',
      'SERVING_OVERLOADED',
      'SERVING_DEADLINE_EXCEEDED',
    ],
  },
  { method: 'get', path: '/v1/models', summary: 'Each model with what it serves.', answer: answers.modelsAnswer, errors: [] },
  {
    method: 'get',
    path: '/v1/models/{model}',
    summary: 'Request fields, allocation and versions of a model.',
    answer: answers.modelAnswer,
    errors: ['MODEL_NOT_FOUND'],
  },
  {
    method: 'get',
    path: '/v1/decisions/{id}',
    summary: 'A decision.',
    answer: answers.decisionAnswer,
    errors: ['DECISION_NOT_FOUND', ...storeErrors],
  },
  { method: 'get', path: '/v1/health/live', summary: 'Whether the process runs.', answer: answers.liveAnswer, errors: [] },
  {
    method: 'get',
    path: '/v1/health/ready',
    summary: "Whether every model's allocation is known and loaded.",
    answer: answers.readyAnswer,
    answerWhen503: true,
    errors: [],
  },
  { method: 'get', path: '/openapi.json', summary: 'This document.', answer: answers.document, errors: [] },
  { method: 'get', path: '/metrics', summary: 'Metrics as Prometheus reads them.', answer: answers.text, answerTypes: ['text/plain'], errors: [] },
];
