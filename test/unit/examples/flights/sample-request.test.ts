import { expect, test } from 'vitest';
import project from '../../../../examples/flights/project.ts';
import { sampleRequest } from '../../../../examples/flights/sample-request.ts';
import { compileService, parseInstance } from '../../../../src/fold/compile-service.ts';

test('the request to try by hand is one that the model takes, of a flight to come', () => {
  const clock = Date.parse('2014-01-01T08:00:00Z');
  const { instances, asOf } = sampleRequest(clock);
  const parsed = parseInstance(compileService(project.models[0]!.service), instances[0]);
  expect(parsed.ok ? [] : parsed.problems).toEqual([]);
  expect(Date.parse(asOf)).toBe(clock);
  expect(Date.parse(instances[0]!.scheduledAt)).toBeGreaterThan(clock);
  expect(Date.parse(instances[0]!.scheduledArrivalAt)).toBeGreaterThan(Date.parse(instances[0]!.scheduledAt));
});
