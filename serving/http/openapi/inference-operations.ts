import { inferBody } from '../infer-json.ts';
import { indexBody, modelBody } from '../repository-routes.ts';
import * as answers from './answers.ts';
import { scoreErrors } from './native-operations.ts';
import { BINARY_TYPE, JSON_TYPE, type Operation } from './operation.ts';

const modelOperations = (path: string): Operation[] => [
  {
    method: 'get',
    path,
    summary: 'Loaded versions, inputs and outputs.',
    answer: answers.modelMetadata,
    errors: ['MODEL_NOT_FOUND', 'MODEL_VERSION_NOT_FOUND', 'MODEL_NOT_READY'],
  },
  {
    method: 'get',
    path: `${path}/config`,
    summary: 'How it is served: batches, queue, instances, tensors.',
    answer: answers.modelConfiguration,
    errors: ['MODEL_NOT_FOUND', 'MODEL_VERSION_NOT_FOUND', 'MODEL_NOT_READY'],
  },
  {
    method: 'get',
    path: `${path}/stats`,
    summary: 'Requests, rows and batches of its versions, and where their time went.',
    answer: answers.modelStatistics,
    errors: ['MODEL_NOT_FOUND', 'MODEL_VERSION_NOT_FOUND', 'MODEL_NOT_READY'],
  },
  { method: 'get', path: `${path}/ready`, summary: 'Whether it answers.', answer: answers.modelReady, answerWhen503: true, errors: ['MODEL_NOT_FOUND'] },
  {
    method: 'post',
    path: `${path}/infer`,
    summary: 'Scores raw tensors; nothing is stored.',
    body: { schema: inferBody, mediaTypes: [JSON_TYPE, BINARY_TYPE], required: true },
    timed: true,
    prioritized: true,
    answer: answers.inferAnswer,
    answerTypes: [JSON_TYPE, BINARY_TYPE],
    errors: [...scoreErrors, 'MODEL_VERSION_NOT_FOUND'],
  },
];

/** The endpoints of the Open Inference Protocol v2; docs/inference.md says what each is for. */
export const inferenceOperations: readonly Operation[] = [
  { method: 'get', path: '/v2', summary: 'Name, version and extensions.', answer: answers.serverMetadata, errors: [] },
  { method: 'get', path: '/v2/health/live', summary: 'Whether the process runs.', answer: answers.liveAnswer, errors: [] },
  { method: 'get', path: '/v2/health/ready', summary: "Whether every model's allocation is known and loaded.", answer: answers.serverReady, answerWhen503: true, errors: [] },
  { method: 'get', path: '/v2/models/stats', summary: 'The same of all models.', answer: answers.modelStatistics, errors: [] },
  {
    method: 'post',
    path: '/v2/repository/index',
    summary: 'Every version that is loaded, loading or was refused.',
    body: { schema: indexBody, mediaTypes: [JSON_TYPE], required: false },
    answer: answers.repositoryIndex,
    errors: [],
  },
  {
    method: 'post',
    path: '/v2/repository/models/{model}/load',
    summary: 'Brings an unloaded model back, and tries rejected versions again.',
    body: { schema: modelBody, mediaTypes: [JSON_TYPE], required: false },
    answer: answers.nothing,
    answerTypes: [],
    errors: ['MODEL_NOT_FOUND', 'MODEL_NOT_READY', 'SERVING_VERSION_REJECTED'],
  },
  {
    method: 'post',
    path: '/v2/repository/models/{model}/unload',
    summary: 'Takes a model out of this process.',
    body: { schema: modelBody, mediaTypes: [JSON_TYPE], required: false },
    answer: answers.nothing,
    answerTypes: [],
    errors: ['MODEL_NOT_FOUND'],
  },
  ...modelOperations('/v2/models/{model}'),
  ...modelOperations('/v2/models/{model}/versions/{version}'),
];
