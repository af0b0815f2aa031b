import { INFERENCE_SERVICE } from '../../../src/contracts/inference.ts';
import { inferenceProto, loadProto, serviceOf } from '../../../src/infra/load-proto.ts';
import { markdownTable, shown } from '../../measure/markdown-table.ts';
import { startBareGrpc } from '../peers/start-bare.ts';
import type { PartReport, ServingBench } from './part.ts';

const CONNECTIONS = [1, 16, 64] as const;
const MODEL = 'mlp';

/** Single rows of raw tensors by gRPC, beside a bare server of the same library that answers without a model. */
export async function compareGrpc({ startMillrace, generator, rows, seconds }: ServingBench): Promise<PartReport> {
  const millrace = await startMillrace();
  const bare = await startBareGrpc();
  const bodies = rows.map(encodeInfer);
  const servers = [
    { name: millrace.name, address: millrace.process.grpcAddress },
    { name: bare.name, address: bare.address },
  ];
  const lines = [];
  for (const { name, address } of servers) {
    const url = `grpc://${address}/${INFERENCE_SERVICE}/ModelInfer`;
    await generator.load({ url, bodies, loop: { kind: 'closed', connections: 16 }, seconds: 0, warmUpAnswers: 4_000 });
    const cells = [];
    for (const connections of CONNECTIONS) {
      const { rate, ms, busy } = await generator.loadAllAnswered({ url, bodies, loop: { kind: 'closed', connections }, seconds });
      cells.push(`${shown(rate)} (${shown(ms.p99)}, ${(100 * busy).toFixed(0)} %)`);
    }
    lines.push([name, ...cells]);
  }
  await Promise.all([millrace.stop(), bare.stop()]);
  const columns = ['server', ...CONNECTIONS.map((n) => (n === 1 ? '1 connection' : String(n)))];
  return { title: 'Single rows of raw tensors, over gRPC, network', text: `Requests a second (p99 ms, how busy the generator was)\n\n${markdownTable(columns, lines)}`, targets: [] };
}

const { requestSerialize } = serviceOf(loadProto(inferenceProto), INFERENCE_SERVICE)['ModelInfer']!;

const encodeInfer = (row: readonly number[]): Uint8Array =>
  requestSerialize({
    modelName: MODEL,
    inputs: [{ name: 'features', datatype: 'FP32', shape: [1, row.length] }],
    rawInputContents: [Buffer.from(Float32Array.from(row).buffer)],
  });
