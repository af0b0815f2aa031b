import path from 'node:path';
import { examples, parseMoment, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { withModel } from '../open-model.ts';
import { formatTime, renderPairs } from '../table.ts';

export const addModelsExportRows: AddCommand = (models, act) => {
  models
    .command('export-rows')
    .summary("write a model's training set for whoever trains elsewhere")
    .description(
      "Reads every labelled example as of its decision time, as training does, into a folder of NumPy files: features, label, decision_time, label_time and part (1 training, 2 hold-out, 0 neither). columns.json says what the columns are; 'millrace models import' takes it back.",
    )
    .argument('<model>', 'model name')
    .requiredOption('--out <folder>', 'folder to write to')
    .option('--as-of <time>', 'data cut in event time: ISO 8601 or ms since the epoch', parseMoment)
    .addHelpText('after', examples('millrace models export-rows flight_delay --out rows'))
    .action(
      act(async (context, name: string, options: { out: string; asOf?: number }) =>
        withModel(context, name, async ({ model, plan, db }) => {
          const { buildTrainingSet } = await import('../../src/store/build-training-set.ts');
          const { exportTrainingSet } = await import('../../src/training/import/export-training-set.ts');
          const onProgress = (stage: string, _ms: number, rows: number): void => context.output.note(`${stage}: ${rows} rows`);
          const { trainingSet, dataCut } = await buildTrainingSet({ postgres: db, onProgress }, { model, dataCut: options.asOf ?? null });
          const folder = path.resolve(options.out);
          const columns = await exportTrainingSet(trainingSet, plan, dataCut, folder);
          context.output.result({ folder, ...columns }, () =>
            renderPairs([
              ['folder', folder],
              ['rows', String(columns.rows)],
              ['columns', `${columns.numericNames.length} numbers, ${columns.categories.length} categories`],
              ['data cut', formatTime(columns.dataCut)],
              ['hold-out from', formatTime(columns.holdoutFrom)],
            ]),
          );
          return exitCodes.ok;
        }),
      ),
    );
};
