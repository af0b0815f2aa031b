import type protobuf from 'protobufjs';
import extension from 'protobufjs/ext/descriptor/index.js';
import { loadProto } from '../../src/infra/load-proto.ts';

interface Message {
  readonly field?: { name: string; typeName?: string }[];
  readonly nestedType?: (Message & { name: string; readonly options?: { readonly mapEntry?: boolean } })[];
}
interface FileDescriptor {
  readonly name: string;
  readonly messageType?: Message[];
}

/** The extension's types do not say that it has this. */
const { FileDescriptorProto } = extension as unknown as { readonly FileDescriptorProto: protobuf.Type };

/** Encoded file descriptors of proto files, by file name and by the full names of what they define. */
export class FileDescriptors {
  readonly #byName = new Map<string, Uint8Array>();
  readonly #bySymbol = new Map<string, Uint8Array>();

  constructor(protoFiles: readonly URL[]) {
    for (const protoFile of protoFiles) {
      for (const [symbol, definition] of Object.entries(loadProto(protoFile, { keepCase: true }))) {
        const [method] = 'format' in definition ? [] : Object.values(definition);
        const type = ('format' in definition ? definition : method?.requestType) as
          { readonly fileDescriptorProtos: readonly Buffer[] } | undefined;
        // A file that imports another would need both: none of ours does.
        const [encoded] = type?.fileDescriptorProtos ?? [];
        if (encoded !== undefined) this.#bySymbol.set(symbol, this.#keep(encoded));
      }
    }
  }

  named(file: string): Uint8Array | undefined {
    return this.#byName.get(file);
  }

  /** A method, a field or a nested type is where what holds it is. */
  having(symbol: string): Uint8Array | undefined {
    for (let name = symbol; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
      const found = this.#bySymbol.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #keep(encoded: Buffer): Uint8Array {
    const file = FileDescriptorProto.decode(encoded) as protobuf.Message & FileDescriptor;
    for (const message of file.messageType ?? []) nameMapEntries(message);
    let kept = this.#byName.get(file.name);
    if (kept === undefined) this.#byName.set(file.name, (kept = FileDescriptorProto.encode(file).finish()));
    return kept;
  }
}

/** The library names the type behind `map<...> some_field` SomeField, where every compiler wants SomeFieldEntry. */
function nameMapEntries({ field = [], nestedType = [] }: Message): void {
  for (const nested of nestedType) {
    nameMapEntries(nested);
    if (nested.options?.mapEntry !== true) continue;
    const owner = field.find(({ typeName }) => typeName === nested.name);
    if (owner === undefined) continue;
    const camelCase = owner.name.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase());
    owner.typeName = nested.name = `${camelCase}Entry`;
  }
}
