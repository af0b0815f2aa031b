/**
 * Names of everything outside the process. All of them start with the namespace, so that two
 * projects, or two test files, can share servers without seeing each other.
 */
export interface Names {
  readonly namespace: string;
  sourceTopic(source: string): string;
  deadLetterTopic(source: string): string;
  viewTopic(view: string, version: number): string;
  decisionTopic(): string;
  /** Redis key of one entity's state. The braces keep a fold partition in one cluster slot. */
  stateKey(view: string, version: number, partition: number, entityKey: string): string;
  /** Redis key of a fold partition's position, in the slot of its states. */
  positionKey(view: string, version: number, partition: number): string;
  /** Redis key of one row's score by one model. */
  scoreKey(digest: string, rowHash: string): string;
  consumerGroup(role: 'ingest' | 'fold' | 'decisions'): string;
  taskQueue(resource: TaskQueue): string;
}

/** Task queues are named for the resource that they need. */
export type TaskQueue = 'orchestration' | 'stream' | 'training';

export function createNames(namespace: string): Names {
  const slot = (view: string, version: number, partition: number) =>
    `${namespace}:{${view}.${version}.${partition}}`;
  return {
    namespace,
    sourceTopic: (source) => `${namespace}.source.${source}`,
    deadLetterTopic: (source) => `${namespace}.source.${source}.dlq`,
    viewTopic: (view, version) => `${namespace}.view.${view}.${version}`,
    decisionTopic: () => `${namespace}.decisions`,
    stateKey: (view, version, partition, entityKey) => `${slot(view, version, partition)}:s:${entityKey}`,
    positionKey: (view, version, partition) => `${slot(view, version, partition)}:p`,
    scoreKey: (digest, rowHash) => `${namespace}:score:${digest}:${rowHash}`,
    consumerGroup: (role) => `${namespace}.${role}`,
    taskQueue: (resource) => `${namespace}-${resource}`,
  };
}
