import { describe, expect, it } from 'vitest';
import { linkEnsemble, type DraftStep } from '../../../src/contracts/link-ensemble.ts';
import type { TensorSpec } from '../../../src/contracts/tensor.ts';

const spec = (name: string, shape: number[], datatype: TensorSpec['datatype'] = 'FP32'): TensorSpec => ({ name, datatype, shape });
const step = (name: string, inputs: Record<string, string>, takes: TensorSpec[], gives: TensorSpec[]): DraftStep => ({
  name,
  model: `${name}_model`,
  inputs,
  member: { version: 3, digest: `digest of ${name}`, inputs: takes, outputs: gives },
});
const scale = step('scale', { x: 'rows' }, [spec('x', [-1, 4])], [spec('y', [-1, 4])]);
const rank = step('rank', { a: 'scale.y', b: 'rows' }, [spec('a', [-1, -1]), spec('b', [5, -1])], [spec('score', [-1, 1])]);
const link = (steps: DraftStep[], outputs: Record<string, string> = { score: 'rank.score' }) => {
  const problems: string[] = [];
  return { problems, linked: linkEnsemble(steps, outputs, problems) };
};

describe('an ensemble', () => {
  it('takes what no step gives, of a shape that all steps allow, and runs each step after those that it needs', () => {
    const { problems, linked } = link([rank, scale], { score: 'rank.score', scaled: 'scale.y' });
    expect(problems).toEqual([]);
    expect(linked.steps).toEqual([
      { name: 'scale', model: 'scale_model', version: 3, digest: 'digest of scale', inputs: { x: { input: 'rows' } } },
      { name: 'rank', model: 'rank_model', version: 3, digest: 'digest of rank', inputs: { a: { step: 'scale', output: 'y' }, b: { input: 'rows' } } },
    ]);
    expect(linked.inputSpecs).toEqual([spec('rows', [5, 4])]);
    expect(linked.outputSpecs).toEqual([spec('score', [-1, 1]), spec('scaled', [-1, 4])]);
  });

  it('takes a name with a dot that begins with no step for an input', () => {
    const { problems, linked } = link([step('one', { x: 'image.pixels' }, [spec('x', [1])], [spec('a.b', [1])])], { y: 'one.a.b' });
    expect(problems).toEqual([]);
    expect(linked.inputSpecs).toEqual([spec('image.pixels', [1])]);
    expect(linked.outputs).toEqual({ y: { step: 'one', output: 'a.b' } });
  });

  it.each<[string, DraftStep[], Record<string, string>, string[]]>([
    ['no steps and no outputs', [], {}, ['expected 1 to 32 steps, found 0', 'it has no outputs']],
    ['a wrong name', [{ ...scale, name: 'Scale It' }], { y: 'rows' }, ["step 'Scale It': expected a name of small letters", "output 'y': no step gives 'rows'"]],
    ['two of one name', [scale, scale], { y: 'scale.y' }, ["step 'scale': there are two of this name"]],
    ['an input that is missing, and one that is none', [{ ...scale, inputs: { z: 'rows' } }], { y: 'scale.y' }, ["step 'scale': input 'x' of model 'scale_model' is missing", "model 'scale_model' has no input 'z', its inputs are 'x'"]],
    ['an output that no step has', [scale, { ...rank, inputs: { a: 'scale.z', b: 'rows' } }], { score: 'rank.p' }, ["step 'rank': input 'a': step 'scale' has no output 'z', it answers 'y'", "output 'score': step 'rank' has no output 'p', it answers 'score'"]],
    ['another datatype', [{ ...scale, member: { ...scale.member!, outputs: [spec('y', [-1, 4], 'INT64')] } }, rank], { score: 'rank.score' }, ["step 'rank': input 'a' is FP32[-1, -1], and 'scale.y' gives INT64[-1, 4]"]],
    ['another shape', [scale, { ...rank, member: { ...rank.member!, inputs: [spec('a', [-1, 3]), spec('b', [-1, 4])] } }], { score: 'rank.score' }, ["input 'a' is FP32[-1, 3], and 'scale.y' gives FP32[-1, 4]"]],
    ['an input that two steps take differently', [scale, { ...rank, member: { ...rank.member!, inputs: [spec('a', [-1, 4]), spec('b', [-1])] } }], { score: 'rank.score' }, ["input 'rows': step 'rank' takes FP32[-1], a step before it FP32[-1, 4]"]],
    ['steps in a ring', [{ ...scale, inputs: { x: 'rank.score' } }, rank], { score: 'rank.score' }, ["steps 'scale', 'rank' wait for one another"]],
    ['a step that nothing comes of', [scale, rank], { y: 'scale.y' }, ["step 'rank': no output comes of it"]],
  ])('is refused for %s', (_, steps, outputs, why) => {
    const { problems } = link(steps, outputs);
    for (const part of why) expect(problems.join('\n')).toContain(part);
  });

  it('says nothing of tensors of a step whose version was not found: that was said', () => {
    const { problems } = link([{ ...scale, member: null }, rank]);
    expect(problems).toEqual([]);
  });
});
