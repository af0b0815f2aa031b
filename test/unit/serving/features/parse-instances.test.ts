import { describe, expect, it } from 'vitest';
import { string } from '../../../../src/define/field.ts';
import { compileService } from '../../../../src/fold/compile-service.ts';
import { ParsedByService } from '../../../../serving/features/parse-instances.ts';
import type { ServedModel } from '../../../../serving/served-model.ts';
import { delayModel } from '../../../support/serving/tiny-project.ts';

const plain = { origin: 'JFK', distance: 500, carrier: 'UA' };
const services = {
  'that the service does not ask for': delayModel.service,
  'that is a request field too': { ...delayModel.service, request: { ...delayModel.service.request, flightId: string() } },
};

describe.each(Object.entries(services))('the id of an example %s', (_, service) => {
  const program = compileService(service);
  const model = { name: 'delay', definition: { ...delayModel, service }, program } as unknown as ServedModel;
  const parse = (...ids: string[]) => new ParsedByService(model, ids.map((flightId) => ({ ...plain, flightId })), 10).by(program);

  it('is taken where an event could have it', () => {
    const ids = ['F1', 'é'.repeat(512)];
    expect(parse(...ids).map(({ exampleId }) => exampleId)).toEqual(ids);
  });

  it.each(['', 'a'.repeat(513), 'a\0b', 'a\u001fb', '\ud800'])('is refused where no event could (%#), with the instance that has it', (id) => {
    const message = expect.stringMatching(/instances\[1\]: field 'flightId': expected an id of 1 to 512 characters .*found text '.*', \d+ characters/s) as string;
    expect(() => parse('F1', id)).toThrowError(expect.objectContaining({ code: 'REQUEST_INVALID', message }) as Error);
  });
});
