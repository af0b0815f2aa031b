import { boundsOf } from '../../contracts/judge-shadow.ts';
import { SEGMENT_ANSWERS_MIN, SEGMENT_FIELDS_MAX, SEGMENT_VALUES_MAX } from '../../contracts/shadow-comparison.ts';
import type { Model } from '../model.ts';
import { requestSchemaOf } from '../request-schema.ts';
import { fieldIn } from '../field.ts';
import { checkWholeNumber } from './check-names.ts';
import { checkNumber } from './check-policies.ts';
import { enumerate, type ProblemList } from './problem-list.ts';

const ANSWERS_MAX = 1_000_000_000;

/** Segments are cut by what an instance carries and has few values. */
export function checkShadowBounds({ rollout, service }: Model, problems: ProblemList): void {
  const { segments, segmentValuesMax, segmentAnswersMin, ...allowed } = boundsOf(rollout);
  checkWholeNumber('segmentValuesMax', segmentValuesMax, { from: 1, to: SEGMENT_VALUES_MAX }, problems);
  checkWholeNumber('segmentAnswersMin', segmentAnswersMin, { from: SEGMENT_ANSWERS_MIN, to: ANSWERS_MAX }, problems);
  for (const bound of ['maxFlipRate', 'maxSegmentFlipRate', 'maxMeanScoreDistance', 'maxSegmentMeanScoreDistance'] as const) {
    checkNumber(bound, allowed[bound], { from: 0, to: 1 }, problems);
  }
  if (segments.length > SEGMENT_FIELDS_MAX || new Set(segments).size < segments.length) {
    problems.add(
      `expected segments as at most ${SEGMENT_FIELDS_MAX} different fields, found [${segments.join(', ')}]. Keep those whose values tell most.`,
    );
  }
  const schema = requestSchemaOf(service);
  const able = Object.keys(schema).filter((name) => schema[name]?.type === 'string' || schema[name]?.type === 'boolean');
  for (const segment of segments.filter((name) => !able.includes(name))) {
    const type = fieldIn(schema, segment)?.type;
    problems.add(
      `expected segments among the texts and booleans that a request to feature service '${service.name}' carries, found ${type === undefined ? '' : `${type} `}'${segment}'. Use some of ${enumerate(able)}.`,
    );
  }
}
