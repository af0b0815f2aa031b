import { Option } from 'commander';
import { roles, type Role } from '../../src/contracts/access.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';

interface CreateOptions {
  readonly name: string;
  readonly roles: readonly Role[];
}

export const addKeys: AddCommand = (program, act) => {
  const keys = program
    .command('keys')
    .summary('API keys of gateways and serving processes')
    .description('Makes API keys for gateways and serving processes. Which ones a process takes is in the file MILLRACE_GATEWAY_API_KEYS_FILE or MILLRACE_SERVING_API_KEYS_FILE.')
    .addHelpText('after', examples('millrace keys create --name scraper --roles operate'));
  keys
    .command('create')
    .summary('make a key')
    .description(
      'Prints a new key, which is shown this once and kept nowhere, and the line for the file of keys, which has its digest. A process reads the changed file within a second.',
    )
    .requiredOption('--name <name>', 'what the key is for: letters, digits, dots, hyphens, underscores')
    .addOption(new Option('--roles <roles...>', 'what its bearer may do').choices(roles).makeOptionMandatory())
    .addHelpText('after', examples('millrace keys create --name scraper --roles operate', 'millrace keys create --name shop --roles ingest predict'))
    .action(
      act(async ({ output }, { name, roles: granted }: CreateOptions) => {
        const { createApiKey } = await import('../../src/infra/api-key.ts');
        const made = createApiKey(name, [...new Set(granted)]);
        output.result(made, () => `${made.key}\n\nFor the list of keys in the file of MILLRACE_GATEWAY_API_KEYS_FILE or MILLRACE_SERVING_API_KEYS_FILE:\n${JSON.stringify(made.entry)}`);
        return exitCodes.ok;
      }),
    );
};
