/** The floor of gRPC: a bare grpc-js server that reads each inference request and answers the same bytes. Prints its port. */
import '../../../workers/stop-with-parent.ts';
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { INFERENCE_SERVICE } from '../../../src/contracts/inference.ts';
import { inferenceProto, loadProto, serviceOf } from '../../../src/infra/load-proto.ts';

const service = serviceOf(loadProto(inferenceProto), INFERENCE_SERVICE);
const answer = { modelName: 'bare', outputs: [{ name: 'score', datatype: 'FP32', shape: [1] }], rawOutputContents: [Buffer.alloc(4)] };
const server = new Server();
server.addService(service, { ModelInfer: (_call: ServerUnaryCall<unknown, unknown>, respond: sendUnaryData<unknown>) => respond(null, answer) });
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.send?.(port);
});
