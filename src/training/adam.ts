const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-7;

export interface Adam {
  /** One step for each parameter array, in place; gradients come in the parameters' order. */
  step(parameters: readonly Float32Array[], gradients: readonly Float32Array[], learningRate: number): void;
}

/** Adam with bias correction (Kingma and Ba, 2015). The arrays' lengths must not change between steps. */
export function createAdam(parameters: readonly Float32Array[]): Adam {
  const first = parameters.map(({ length }) => new Float32Array(length));
  const second = parameters.map(({ length }) => new Float32Array(length));
  let steps = 0;
  return {
    step(current, gradients, learningRate) {
      steps++;
      const rate = (learningRate * Math.sqrt(1 - BETA2 ** steps)) / (1 - BETA1 ** steps);
      current.forEach((parameter, p) => {
        const gradient = gradients[p] as Float32Array;
        const m = first[p] as Float32Array;
        const v = second[p] as Float32Array;
        for (let i = 0; i < parameter.length; i++) {
          const g = gradient[i] as number;
          const mean = BETA1 * (m[i] as number) + (1 - BETA1) * g;
          const square = BETA2 * (v[i] as number) + (1 - BETA2) * g * g;
          m[i] = mean;
          v[i] = square;
          parameter[i] = (parameter[i] as number) - (rate * mean) / (Math.sqrt(square) + EPSILON);
        }
      });
    },
  };
}
