import { InvalidArgumentError } from 'commander';
import type { ImportedFile } from '../../src/contracts/model-bundle.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { examples, parseMoment, type AddCommand } from '../add-command.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCodes } from '../exit-code.ts';
import { operatorName } from '../lifecycle-client.ts';
import { withModel } from '../open-model.ts';
import { formatNumber, formatTime, NONE, renderPairs } from '../table.ts';

interface ImportOptions {
  readonly input?: string;
  readonly output?: string;
  readonly nullAs?: number;
  readonly columns?: string;
  readonly threshold?: number;
  readonly trainedTo?: number;
  readonly tensors?: boolean;
  readonly ensemble?: boolean;
  readonly reason: string;
}

export const addModelsImport: AddCommand = (models, act) => {
  models
    .command('import')
    .summary('register a model that was trained elsewhere as a version')
    .description(
      "Examines an ONNX file or a TensorFlow.js model, evaluates it on the model's hold-out where labelled examples are there, and registers it as a version. It takes traffic only by 'millrace rollout' or 'millrace promote'.",
    )
    .argument('<model>', 'model name')
    .argument('<file>', 'the .onnx file, or the model.json of TensorFlow.js with its weights beside it; with one float input [rows, columns of the feature service], or see --tensors and --ensemble')
    .option('--columns <file>', "columns.json of the rows that it learned from ('millrace models export-rows')")
    .option('--input <name>', 'input of the graph (default: the only one)')
    .option('--output <name>', 'output with the probability (default: the only one of floats)')
    .option('--null-as <number>', 'what the graph gets in place of null (default: NaN, which it imputes)', parseFinite)
    .option('--threshold <probability>', 'answers from it on are the positive class (default: 0.5)', parseProbability)
    .option('--trained-to <time>', 'decision time of the newest example that it learned from (default: that of the training part of --columns)', parseMoment)
    .option('--tensors', "a model without a feature service: its tensors are the graph's own")
    .option('--ensemble', 'a model whose steps are versions of models without a feature service: the file names them')
    .option('--reason <text>', 'why, for the ledger', 'imported on the command line')
    .addHelpText(
      'after',
      examples('millrace models import flight_delay lightgbm.onnx --columns rows/columns.json', 'millrace models import fraud forest.onnx --output probabilities --threshold 0.8', 'millrace models import fraud tfjs/model.json --null-as 0', 'millrace models import sentiment bert.onnx --tensors', 'millrace models import search ensemble.json --ensemble'),
    )
    .action(
      act(async (context, name: string, file: string, options: ImportOptions) => {
        if (options.tensors === true || options.ensemble === true) await importTensors(context, name, file, options);
        else await importForService(context, name, file, options);
        return exitCodes.ok;
      }),
    );
};

const importForService = (context: CommandContext, name: string, file: string, options: ImportOptions): Promise<void> =>
  withModel(context, name, async (open) => {
    const { importVersion } = await import('../import-version.ts');
    const { version, digest, existed, signature, metrics, lineage, notes } = await importVersion(open, {
      file,
      input: options.input ?? null,
      output: options.output ?? null,
      nullAs: options.nullAs ?? null,
      columns: options.columns ?? null,
      threshold: options.threshold ?? null,
      trainedTo: options.trainedTo ?? null,
      by: operatorName(),
      reason: options.reason,
    });
    for (const note of notes) context.output.note(`Note: ${note}`);
    const { candidate, champion, championVersion } = metrics;
    const { imported } = lineage;
    context.output.result(
      { model: name, version, digest, existed, tensors: signature.tensors, threshold: signature.threshold, imported, metrics, notes },
      () =>
        `${renderPairs([
          ...headOf(version, existed, imported),
          ['trained to', formatTime(imported?.trainedTo)],
          ['hold-out rows', String(candidate?.overall.rows ?? 0)],
          ['AUC', formatNumber(candidate?.overall.auc, 4)],
          ['log loss', formatNumber(candidate?.overall.logLoss, 4)],
          [championVersion === null ? 'champion' : `version ${championVersion}`, formatNumber(champion?.overall.logLoss, 4)],
        ])}\n\nIt takes no traffic yet: millrace rollout ${name} ${version}, or millrace promote ${name} ${version}`,
    );
  });

async function importTensors(context: CommandContext, model: string, file: string, options: ImportOptions): Promise<void> {
  const isEnsemble = options.ensemble === true;
  const alien = alienOptions.filter((option) => options[option] !== undefined);
  if (alien.length > 0) {
    const names = alien.map((option) => `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`).join(', ');
    throw new MillraceError('REQUEST_INVALID', `Import of '${model}': ${names} have no meaning with --${isEnsemble ? 'ensemble' : 'tensors'}, whose model has no feature service.`);
  }
  const { importTensorVersion } = await import('../import-tensor-version.ts');
  const imported = await importTensorVersion(context, { model, path: file, isEnsemble, by: operatorName(), reason: options.reason });
  const { version, digest, existed, signature, lineage, notes, ensemble } = imported;
  for (const note of notes) context.output.note(`Note: ${note}`);
  const { inputs, outputs, batched } = signature;
  const specs = (tensors: typeof inputs): string => tensors.map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join(', ')}]`).join(', ');
  context.output.result(
    { model, version, digest, existed, inputs, outputs, batched, imported: lineage.imported, notes, ...(ensemble === undefined ? {} : { steps: ensemble.steps }) },
    () =>
      `${renderPairs([
        ...headOf(version, existed, lineage.imported),
        ...(ensemble?.steps ?? []).map(({ name, model: member, version: pinned }): [string, string] => [`step ${name}`, `${member} version ${pinned}`]),
        ['inputs', specs(inputs)],
        ['outputs', specs(outputs)],
        ['runs', batched ? 'shared by requests' : 'one request at a time'],
      ])}\n\nIt takes no traffic yet: millrace promote ${model} ${version}`,
  );
}

const headOf = (version: number, existed: boolean, imported: ImportedFile | undefined): [string, string][] => [
  ['version', `${version}${existed ? ' (registered before)' : ''}`],
  ['made by', `${imported?.producerName || NONE} ${imported?.producerVersion ?? ''}`.trim()],
];

/** Options that are about rows of a feature service. */
const alienOptions = ['input', 'output', 'nullAs', 'columns', 'threshold', 'trainedTo'] as const;

function parseFinite(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

function parseProbability(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('Expected a probability from 0 to 1.');
  return value;
}
