import type { Allocation } from '../../src/contracts/allocation.ts';
import { armVariant } from '../../src/contracts/experiment.ts';
import type { ModelVersion } from '../../src/registry/model-version.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { withRegistry } from '../open-servers.ts';
import { addModelsExportRows } from './models-export-rows.ts';
import { addModelsImport } from './models-import.ts';
import { formatNumber, formatTime, NONE, renderTable } from '../table.ts';

const PERCENT = 100;

export const addModels: AddCommand = (program, act) => {
  const models = program
    .command('models')
    .summary('list models or versions, import a version, export rows')
    .description(
      'Lists the registered models with what serves them; with a name, its versions, newest first: their aliases, hold-out metrics, data cut and trigger.',
    )
    .argument('[model]', 'model name')
    .addHelpText('after', examples('millrace models', 'millrace models flight_delay --json', 'millrace models import --help'))
    .action(
      act(async (context, model: string | undefined) => {
        await withRegistry(context, async (registry) => {
          if (model === undefined) {
            const rows = await listModels(registry);
            context.output.result(rows, () => modelTable(rows));
          } else {
            const allocation = await registry.getAllocation(model);
            const versions = await versionsOf(registry, model);
            const document = versions.map((version) => ({
              ...version,
              aliases: aliasesOf(version.version, allocation),
            }));
            context.output.result(document, () => versionTable(versions, allocation));
          }
        });
        return exitCodes.ok;
      }),
    );
  addModelsImport(models, act);
  addModelsExportRows(models, act);
};

interface ModelRow {
  readonly model: string;
  readonly versions: number;
  readonly allocation: Allocation | null;
}

async function listModels(registry: Registry): Promise<ModelRow[]> {
  const names = await registry.listModels();
  return Promise.all(
    names.map(async (model) => ({
      model,
      versions: (await registry.listVersions(model)).length,
      allocation: await registry.getAllocation(model),
    })),
  );
}

async function versionsOf(registry: Registry, model: string): Promise<ModelVersion[]> {
  const versions = await registry.listVersions(model);
  if (versions.length > 0) return versions;
  const known = await registry.listModels();
  if (known.includes(model)) return [];
  const among = known.length === 0 ? 'none is registered' : `registered: ${known.join(', ')}`;
  throw new MillraceError(
    'MODEL_NOT_FOUND',
    `Model '${model}' is not registered (${among}). Run 'millrace apply'.`,
  );
}

function modelTable(rows: readonly ModelRow[]): string {
  if (rows.length === 0) return "No model is registered. Run 'millrace apply'.";
  return renderTable(
    [
      { title: 'MODEL' },
      { title: 'VERSIONS', align: 'right' },
      { title: 'CHAMPION', align: 'right' },
      { title: 'CANARY' },
      { title: 'SHADOW', align: 'right' },
    ],
    rows.map(({ model, versions, allocation }) => [
      model,
      String(versions),
      text(allocation?.champion),
      canaryOf(allocation),
      text(allocation?.shadow),
    ]),
  );
}

function versionTable(versions: readonly ModelVersion[], allocation: Allocation | null): string {
  if (versions.length === 0) return 'No version is registered yet.';
  return renderTable(
    [
      { title: 'V', align: 'right' },
      { title: 'ALIAS' },
      { title: 'AUC', align: 'right' },
      { title: 'LOGLOSS', align: 'right' },
      { title: 'ROWS', align: 'right' },
      { title: 'DATA CUT' },
      { title: 'TRIGGER' },
    ],
    versions.map((version) => [
      String(version.version),
      aliasesOf(version.version, allocation).join(',') || NONE,
      formatNumber(version.metrics.candidate?.overall.auc, 4),
      formatNumber(version.metrics.candidate?.overall.logLoss, 4),
      String(version.lineage.trainingRows),
      formatTime(version.lineage.dataCut || null),
      version.lineage.trigger,
    ]),
  );
}

function aliasesOf(version: number, allocation: Allocation | null): string[] {
  if (allocation === null) return [];
  return [
    ...(allocation.champion === version ? ['champion'] : []),
    ...(allocation.canary?.version === version ? ['canary'] : []),
    ...(allocation.shadow === version ? ['shadow'] : []),
    ...(allocation.experiment?.arms ?? []).filter((arm) => arm.version === version).map((arm) => armVariant(allocation.experiment?.name ?? '', arm.name)),
  ];
}

const text = (version: number | null | undefined): string =>
  version === null || version === undefined ? NONE : String(version);

function canaryOf(allocation: Allocation | null): string {
  const canary = allocation?.canary ?? null;
  return canary === null ? NONE : `${canary.version} (${canary.share * PERCENT} %)`;
}
