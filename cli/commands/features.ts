import { examples, type AddCommand } from '../add-command.ts';
import { addFeaturesAsOf } from './features-as-of.ts';
import { addFeaturesSql } from './features-sql.ts';

export const addFeatures: AddCommand = (program, act) => {
  const features = program
    .command('features')
    .summary('features of history: as of past moments, and as SQL')
    .description("Reads features of the project's views from the offline log, or prints the SQL that does.")
    .addHelpText(
      'after',
      examples('millrace features as-of --help', 'millrace features sql origin_departed --entity JFK'),
    );
  addFeaturesAsOf(features, act);
  addFeaturesSql(features, act);
};
