import type * as tfjs from '@tensorflow/tfjs';
import type { Datatype, Elements, Tensor } from '../contracts/tensor.ts';
import type { TensorFlow } from './tensorflow-backend.ts';

const typeOf: Partial<Record<Datatype, tfjs.DataType>> = { FP32: 'float32', INT32: 'int32', BOOL: 'bool', BYTES: 'string' };
const datatypeOf: Partial<Record<tfjs.DataType, Datatype>> = { float32: 'FP32', int32: 'INT32', bool: 'BOOL', string: 'BYTES' };

/** The caller disposes it. @throws TypeError where TensorFlow.js has no such type */
export function toTensorflow(tf: TensorFlow, { name, datatype, shape, elements }: Tensor): tfjs.Tensor {
  const type = typeOf[datatype];
  if (type === undefined) throw new TypeError(`input '${name}' is ${datatype}, which TensorFlow.js does not have`);
  return tf.tensor(elements as Float32Array, [...shape], type);
}

/** @throws TypeError where the Open Inference Protocol has no such type */
export async function fromTensorflow(name: string, tensor: tfjs.Tensor): Promise<Tensor> {
  const datatype = datatypeOf[tensor.dtype];
  if (datatype === undefined) throw new TypeError(`output '${name}' is of type ${tensor.dtype}, which the Open Inference Protocol has not`);
  return { name, datatype, shape: [...tensor.shape], elements: await elementsOf(datatype, tensor) };
}

async function elementsOf(datatype: Datatype, tensor: tfjs.Tensor): Promise<Elements> {
  // Texts stay bytes: as strings they would have to be UTF-8.
  if (datatype === 'BYTES') return (await tensor.bytes());
  return tensor.data<'float32'>();
}
