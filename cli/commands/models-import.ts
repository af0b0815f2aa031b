import { InvalidArgumentError } from 'commander';
import { examples, parseMoment, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { operatorName } from '../lifecycle-client.ts';
import { withModel } from '../open-model.ts';
import { formatNumber, formatTime, NONE, renderPairs } from '../table.ts';

interface ImportOptions {
  readonly input?: string;
  readonly output?: string;
  readonly columns?: string;
  readonly threshold?: number;
  readonly trainedTo?: number;
  readonly reason: string;
}

export const addModelsImport: AddCommand = (models, act) => {
  models
    .command('import')
    .summary('register an ONNX file that was trained elsewhere as a version')
    .description(
      "Examines an ONNX file, evaluates it on the model's hold-out where labelled examples are there, and registers it as a version. It takes traffic only by 'millrace rollout' or 'millrace promote'.",
    )
    .argument('<model>', 'model name')
    .argument('<file>', 'the .onnx file, with one float input [rows, columns of the feature service]')
    .option('--columns <file>', "columns.json of the rows that it learned from ('millrace models export-rows')")
    .option('--input <name>', 'input of the graph (default: the only one)')
    .option('--output <name>', 'output with the probability (default: the only one of floats)')
    .option('--threshold <probability>', 'answers from it on are the positive class (default: 0.5)', parseProbability)
    .option('--trained-to <time>', 'decision time of the newest example that it learned from (default: that of the training part of --columns)', parseMoment)
    .option('--reason <text>', 'why, for the ledger', 'imported on the command line')
    .addHelpText(
      'after',
      examples('millrace models import flight_delay lightgbm.onnx --columns rows/columns.json', 'millrace models import fraud forest.onnx --output probabilities --threshold 0.8'),
    )
    .action(
      act(async (context, name: string, file: string, options: ImportOptions) =>
        withModel(context, name, async (open) => {
          const { importVersion } = await import('../import-version.ts');
          const { version, digest, existed, signature, metrics, lineage, notes } = await importVersion(open, {
            file,
            input: options.input ?? null,
            output: options.output ?? null,
            columns: options.columns ?? null,
            threshold: options.threshold ?? null,
            trainedTo: options.trainedTo ?? null,
            by: operatorName(),
            reason: options.reason,
          });
          for (const note of notes) context.output.note(`Note: ${note}`);
          const { candidate, champion, championVersion } = metrics;
          context.output.result(
            { model: name, version, digest, existed, tensors: signature.tensors, threshold: signature.threshold, imported: lineage.imported, metrics, notes },
            () =>
              `${renderPairs([
                ['version', `${version}${existed ? ' (registered before)' : ''}`],
                ['made by', `${lineage.imported?.producerName || NONE} ${lineage.imported?.producerVersion ?? ''}`.trim()],
                ['trained to', formatTime(lineage.imported?.trainedTo)],
                ['hold-out rows', String(candidate?.overall.rows ?? 0)],
                ['AUC', formatNumber(candidate?.overall.auc, 4)],
                ['log loss', formatNumber(candidate?.overall.logLoss, 4)],
                [championVersion === null ? 'champion' : `version ${championVersion}`, formatNumber(champion?.overall.logLoss, 4)],
              ])}\n\nIt takes no traffic yet: millrace rollout ${name} ${version}, or millrace promote ${name} ${version}`,
          );
          return exitCodes.ok;
        }),
      ),
    );
};

function parseProbability(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('Expected a probability from 0 to 1.');
  return value;
}
