import { examples, type AddCommand } from '../add-command.ts';
import { addFeaturesAsOf } from './features-as-of.ts';
import { addFeaturesSql } from './features-sql.ts';
import { addFeaturesTry } from './features-try.ts';

export const addFeatures: AddCommand = (program, act) => {
  const features = program
    .command('features')
    .summary('features as of past moments, as SQL, and on sample events')
    .description(
      "Reads features of the project's views from the offline log, prints the SQL that does, or runs a view on sample events.",
    )
    .addHelpText(
      'after',
      examples('millrace features as-of --help', 'millrace features sql origin_departed --entity JFK'),
    );
  addFeaturesAsOf(features, act);
  addFeaturesSql(features, act);
  addFeaturesTry(features, act);
};
