import { access, constants, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import { packageVersion } from '../../src/infra/package-version.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { modelNamed } from '../model-named.ts';
import { artifactStoreOf, withPostgres } from '../open-servers.ts';

interface GenerateOptions {
  readonly model?: readonly string[];
  readonly out: string;
}

export const addClient: AddCommand = (program, act) => {
  program
    .command('client')
    .summary('a typed client of the models, for programs in TypeScript')
    .command('generate')
    .summary('write it')
    .description(
      "Writes one file of TypeScript without dependencies: the keys, request fields and features of each model by the signature of its champion, and a client over fetch with deadlines and retries of 429 and 503 by Retry-After. A model without a champion has the fields of the project's file.",
    )
    .option('--model <names...>', 'only these models (default all of the project)')
    .requiredOption('--out <file>', 'where to write it')
    .addHelpText('after', examples('millrace client generate --out src/millrace-client.ts', 'millrace client generate --model flight_delay --out client.ts'))
    .action(
      act(async (context, { model: names, out }: GenerateOptions) => {
        const file = path.resolve(out);
        await assertWritable(path.dirname(file), out);
        const project = await loadProject(context.options.project);
        const models = names === undefined ? project.models : await Promise.all(names.map((name) => modelNamed(context, name)));
        if (models.length === 0) throw new MillraceError('MODEL_NOT_FOUND', `Project '${context.options.project}' has no model to write a client for. Add one.`);
        const { createRegistry } = await import('../../src/registry/registry.ts');
        const { describeClientModel } = await import('../generated-client/describe-client-model.ts');
        const { clientSource } = await import('../generated-client/client-source.ts');
        const described = await withPostgres(context, (postgres, config) => {
          const registry = createRegistry(postgres, artifactStoreOf(config));
          return Promise.all(models.map((model) => describeClientModel(postgres, registry, project, model)));
        });
        await writeFile(file, clientSource(described, packageVersion()));
        const versions = described.map(({ name, version }) => ({ model: name, version }));
        context.output.result({ file, models: versions }, () =>
          [`Written: ${file}`, ...versions.map(({ model, version }) => `  ${model}: ${version === null ? 'no champion, fields of the project' : `version ${version}`}`)].join('\n'),
        );
        return exitCodes.ok;
      }),
    );
};

/** @throws MillraceError CONFIG_INVALID */
async function assertWritable(folder: string, out: string): Promise<void> {
  await access(folder, constants.W_OK).catch((cause: unknown) => {
    throw new MillraceError('CONFIG_INVALID', `client generate --out '${out}': expected a folder that is there and can be written, found no such '${folder}'. Make it, or name another.`, { cause });
  });
}
