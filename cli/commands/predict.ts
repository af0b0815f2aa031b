import { agentWithCertificate } from '../client-certificate.ts';
import { callHttp } from '../call-http.ts';
import { examples, parseMoment, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { parseInstance } from '../parse-instance.ts';
import { servingUrlOf } from '../../workers/process-urls.ts';
import { renderPairs } from '../table.ts';

const SCORE_DIGITS = 6;

interface PredictOptions {
  readonly instance?: string;
  readonly asOf?: number;
  readonly url?: string;
}

/** What `POST /v1/models/{model}/predict` answers for one instance. */
interface Answer {
  readonly model: string;
  readonly predictions: readonly {
    readonly decisionId: string;
    readonly score: number;
    readonly label: boolean;
    readonly version: number;
    readonly variant: string;
  }[];
}

export const addPredict: AddCommand = (program, act) => {
  program
    .command('predict')
    .summary('ask the served model for one prediction')
    .description(
      'Asks the served model over HTTP: entity keys and request fields in, a score and its decision id out. A process with access control is sent the key in MILLRACE_API_KEY.',
    )
    .argument('<model>', 'model name')
    .argument('[fields...]', 'fields of the instance as key=value; a value in double quotes is always text')
    .option('--instance <json>', 'the instance as a JSON object, instead of fields')
    .option('--as-of <time>', 'decision time: ISO 8601 or ms since the epoch (default now)', parseMoment)
    .option('--url <url>', 'a serving process other than the one that runs here')
    .addHelpText(
      'after',
      examples(
        'millrace predict fraud cardId=c-17 amount=120.5',
        `millrace predict fraud --instance '{"cardId":"c-17","amount":120.5}'`,
      ),
    )
    .action(
      act(async (context, model: string, fields: readonly string[], options: PredictOptions) => {
        const instance = parseInstance(options.instance, fields);
        const base = options.url ?? servingUrlOf(await context.environment());
        const agent = await agentWithCertificate(context.givenEnvironment);
        const answered = callHttp({
          method: 'POST',
          url: `${base}/v1/models/${encodeURIComponent(model)}/predict`,
          body: { instances: [instance], ...(options.asOf === undefined ? {} : { asOf: options.asOf }) },
          apiKey: context.givenEnvironment['MILLRACE_API_KEY'] || undefined,
          agent,
          signal: context.signal,
        });
        const answer = (await answered.finally(() => agent?.close())) as Answer;
        context.output.result(answer, () => describeAnswer(answer));
        return exitCodes.ok;
      }),
    );
};

function describeAnswer(answer: Answer): string {
  return answer.predictions
    .map((prediction) =>
      renderPairs([
        ['score', prediction.score.toFixed(SCORE_DIGITS)],
        ['label', String(prediction.label)],
        ['version', `${prediction.version} (${prediction.variant})`],
        ['decision', prediction.decisionId],
      ]),
    )
    .join('\n\n');
}
