import type { ClientDuplexStream, ClientReadableStream } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { once } from 'node:events';
import protobuf from 'protobufjs';
import descriptors from 'protobufjs/ext/descriptor/index.js';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { FEATURE_STORE_SERVICE } from '../../../src/contracts/feature-store.ts';
import { INFERENCE_SERVICE } from '../../../src/contracts/inference.ts';
import { featureStoreProto } from '../../../src/infra/load-proto.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { createGrpcCaller } from '../../support/serving/grpc-caller.ts';
import { createServingStage, type ServingStage } from '../../support/serving/serving-stage.ts';

/** What the extension has and its types do not say. */
const { FileDescriptorSet, FileDescriptorProto } = descriptors as unknown as Record<string, protobuf.Type>;
const { fromDescriptor } = protobuf.Root as unknown as { fromDescriptor(set: unknown): protobuf.Root };

const HEALTH = 'grpc.health.v1.Health';
const REFLECTION = 'grpc.reflection.v1.ServerReflection';
const protoOf = (name: string) => new URL(`../../../serving/grpc/proto/${name}.proto`, import.meta.url);

let stage: ServingStage;
beforeAll(async () => {
  stage = await createServingStage();
});
afterAll(() => stage.close());

const healthOf = ({ grpcAddress }: RunningServing) => createGrpcCaller(grpcAddress, protoOf('health'), HEALTH);

it('says by the standard health service that it serves, and of what it has nothing', async () => {
  const health = healthOf(await stage.serve());
  expect(await health.call('Check', {})).toEqual({ ok: { status: 'SERVING' } });
  for (const service of [FEATURE_STORE_SERVICE, INFERENCE_SERVICE]) {
    expect(await health.call('Check', { service })).toEqual({ ok: { status: 'SERVING' } });
  }
  expect(await health.call('Check', { service: 'other' })).toMatchObject({ error: { status: status.NOT_FOUND } });
  health.close();
});

it("tells of bytes that are no message as the caller's fault, whether one answer is due or a stream", async () => {
  const { client, service, close } = healthOf(await stage.serve());
  const same = (bytes: Buffer): Buffer => bytes;
  const wrong = Buffer.from([0x0a, 0xff]);
  const expected = { code: status.INVALID_ARGUMENT, details: expect.stringContaining('are not its message') as string };
  const unary = await new Promise((resolve) => client.makeUnaryRequest(service['Check']!.path, same, same, wrong, resolve));
  expect(unary).toMatchObject(expected);
  const stream = client.makeServerStreamRequest(service['Watch']!.path, same, same, wrong);
  stream.resume();
  const [error] = (await once(stream, 'error')) as unknown[];
  expect(error).toMatchObject(expected);
  close();
});

/** Asks the reflection service one thing after another. */
async function reflect(serving: RunningServing, requests: readonly object[]): Promise<Record<string, never>[]> {
  const { client, service, close } = createGrpcCaller(serving.grpcAddress, protoOf('reflection'), REFLECTION);
  const { path, requestSerialize, responseDeserialize } = service['ServerReflectionInfo']!;
  const call: ClientDuplexStream<unknown, Record<string, never>> = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  const answers: Record<string, never>[] = [];
  call.on('data', (answer: Record<string, never>) => answers.push(answer));
  for (const request of requests) call.write(request);
  call.end();
  await once(call, 'end');
  close();
  return answers;
}

it('describes itself by reflection, so that a client without the proto files can call it', async () => {
  const serving = await stage.serve();
  const method = `${FEATURE_STORE_SERVICE}.GetOnlineFeatures`;
  const [list, found, missing, extension] = await reflect(serving, [
    { listServices: '' },
    { fileContainingSymbol: method },
    { fileContainingSymbol: 'no.such.Thing' },
    { allExtensionNumbersOfType: 'x' },
  ]);
  const names = [FEATURE_STORE_SERVICE, INFERENCE_SERVICE, HEALTH, REFLECTION];
  expect(list?.['listServicesResponse']).toEqual({ service: names.map((name) => ({ name })) });
  expect(missing?.['errorResponse']).toMatchObject({ errorCode: status.NOT_FOUND });
  expect(extension?.['errorResponse']).toMatchObject({ errorCode: status.UNIMPLEMENTED });
  const { fileDescriptorProto: file } = found?.['fileDescriptorResponse'] as unknown as { fileDescriptorProto: Buffer[] };
  const root = fromDescriptor(FileDescriptorSet!.create({ file: file.map((bytes) => FileDescriptorProto!.decode(bytes)) }));
  expect(root.lookupService(FEATURE_STORE_SERVICE).methods['GetOnlineFeatures']?.requestType).toContain('GetOnlineFeaturesRequest');
  expect(Object.keys(root.lookupType('millrace.v1.Row').fields)).toEqual(['numbers', 'texts']);
  expect(root.lookupType('millrace.v1.GetOnlineFeaturesRequest').fields).toHaveProperty('as_of_ms');
  // Compilers refuse a map whose entries are called otherwise.
  const [{ messageType = [] } = {}] = file.map((bytes) => FileDescriptorProto!.decode(bytes).toJSON() as { messageType?: { name: string; nestedType?: { name: string }[] }[] });
  const nested = messageType.flatMap(({ name, nestedType = [] }) => nestedType.map((type) => `${name}.${type.name}`));
  expect(nested).toEqual(['Entity.FieldsEntry', 'Fence.OffsetsEntry']);
  const { name } = FileDescriptorProto!.decode(file[0]!).toJSON() as { name: string };
  const [again] = await reflect(serving, [{ fileByFilename: name }]);
  expect(again?.['fileDescriptorResponse']).toEqual(found?.['fileDescriptorResponse']);
});

it('tells its watchers that it stops, answers what is in flight, and takes nothing after', async () => {
  const serving = await stage.serve();
  const health = healthOf(serving);
  const { path, requestSerialize, responseDeserialize } = health.service['Watch']!;
  const watch: ClientReadableStream<unknown> = health.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {});
  const seen: unknown[] = [];
  watch.on('data', (update) => seen.push(update));
  watch.on('error', () => undefined);
  await vi.waitFor(() => expect(seen).toHaveLength(1));
  const features = createGrpcCaller(serving.grpcAddress, featureStoreProto, FEATURE_STORE_SERVICE);
  const request = { views: { names: ['origin_departures'] }, entities: [{ fields: { origin: { text: 'JFK' } } }] };
  expect((await features.call('GetOnlineFeatures', request)).ok).toBeDefined();
  const inFlight = Array.from({ length: 50 }, () => features.call('GetOnlineFeatures', request));
  // The calls are on their way once the first is answered.
  await Promise.race(inFlight);
  const stopped = serving.stop();
  const outcomes = await Promise.all(inFlight);
  expect(outcomes.filter(({ ok }) => ok === undefined)).toEqual([]);
  await stopped;
  expect(seen).toEqual([{ status: 'SERVING' }, { status: 'NOT_SERVING' }]);
  expect((await features.call('GetOnlineFeatures', request, 2_000)).error?.status).toBeOneOf([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);
  features.close();
  health.close();
});
