"use strict";
/* Gradient descent in float32, in the order of tf.GradientTape and of keras.optimizers.SGD.

   Every operation is rounded to float32, and to 0 below the smallest normal number, as TensorFlow
   sets the processor. A value that is used several times gets its gradients in
   the order in which TensorFlow's tape goes back, and adds them from left to right. */
const tape = (() => {
  const smallest = 2 ** -126;
  const f32 = (v) => {
    const rounded = Math.fround(v);
    return rounded < smallest && rounded > -smallest ? 0 * rounded : rounded;
  };

  // What an operation computed, and how its gradient passes to each of its inputs.
  const node = (value, inputs, back) => ({value: f32(value), inputs, back, uses: 0, gradients: []});
  const variable = (value) => node(value, [], null);
  const valueOf = (a) => (typeof a === "number" ? f32(a) : a.value);

  function operation(value, pairs) {  // pairs: an input, and its gradient as a function of g
    const tracked = pairs.filter(([input]) => typeof input !== "number");
    return node(value, tracked.map(([input]) => input), tracked.map(([, back]) => back));
  }
  const add = (a, b) => operation(valueOf(a) + valueOf(b), [[a, (g) => g], [b, (g) => g]]);
  const sub = (a, b) => operation(valueOf(a) - valueOf(b), [[a, (g) => g], [b, (g) => -g]]);
  const mul = (a, b) => {
    const [x, y] = [valueOf(a), valueOf(b)];
    return operation(x * y, [[a, (g) => f32(g * y)], [b, (g) => f32(g * x)]]);
  };
  const div = (a, n) => operation(valueOf(a) / n, [[a, (g) => f32(g / n)]]);
  const square = (a) => {
    const x = valueOf(a);
    return operation(x * x, [[a, (g) => f32(g * f32(2 * x))]]);
  };
  const cos = (a) => {
    const x = valueOf(a);
    return operation(Math.cos(x), [[a, (g) => f32(-g * f32(Math.sin(x)))]]);
  };
  const sin = (a) => {
    const x = valueOf(a);
    return operation(Math.sin(x), [[a, (g) => f32(g * f32(Math.cos(x)))]]);
  };

  const together = (gradients) => gradients.reduce((sum, g) => f32(sum + g));

  // Return f and its gradient at x, as tape.gradient(loss, x) does.
  function gradient(f, x) {
    const sources = Array.from(x, variable);
    const loss = f(sources);
    const found = [loss];
    while (found.length) {  // count who uses what, from the loss on
      for (const input of found.pop().inputs) {
        if (input.uses++ === 0) found.push(input);
      }
    }
    loss.gradients.push(1);
    const ready = [loss];
    while (ready.length) {  // back: an operation is ready when all gradients of its value are there
      const next = ready.pop();
      const g = together(next.gradients);
      next.inputs.forEach((input, i) => input.gradients.push(next.back[i](g)));
      for (const input of next.inputs) {
        if (--input.uses === 0 && input.back) ready.unshift(input);
      }
    }
    return {loss: loss.value, gradient: sources.map((s) => (s.gradients.length ? together(s.gradients) : 0))};
  }

  /* Make steps from a start; return the points, losses and gradients, the start included.

     settings: rate, momentum, nesterov, decay (0 for none), steps, and whether to end where a step
     no longer moves the point. The update is that of tf_gd/updates.py. It ends where a number is no
     longer finite. */
  function descend(f, start, settings) {
    const [rate, momentum, decay] = [settings.rate, settings.momentum, settings.decay].map(f32);
    let x = Array.from(start, f32);
    const v = x.map(() => 0);
    const path = {points: [], losses: [], gradients: []};
    let still = 0;  // steps in a row
    for (let k = 0; k <= settings.steps; k++) {
      const {loss, gradient: g} = gradient(f, x);
      path.points.push(x);
      path.losses.push(loss);
      path.gradients.push(g);
      if (!Number.isFinite(loss) || !g.every(Number.isFinite)) break;
      const before = x;
      x = x.map((xi, i) => {
        const w = decay ? f32(xi - f32(f32(xi * decay) * rate)) : xi;
        const step = f32(g[i] * rate);
        if (!momentum) return f32(w - step);
        v[i] = f32(f32(v[i] * momentum) - step);
        return f32(w + (settings.nesterov ? f32(f32(v[i] * momentum) - step) : v[i]));
      });
      still = x.every((xi, i) => xi === before[i]) ? still + 1 : 0;
      if (settings.rests && still === 3) break;
    }
    return path;
  }

  const [two_pi, wave] = [2 * Math.PI, 0.15 * Math.PI];
  const sum = (first, ...others) => others.reduce(add, first);

  // The catalogue of tf_gd.objectives, operation by operation.
  const functions = {
    square: ([x]) => square(x),
    cosine_wave: ([x]) => mul(x, cos(mul(wave, x))),
    quartic: ([x]) => {
      const squared = square(x);
      return add(add(mul(2, square(squared)), mul(3, mul(x, squared))), 2);
    },
    double_well: ([x]) => square(sub(square(x), 1)),
    lecture_quadratic: ([x, y]) =>
      sub(sub(sum(mul(2, square(x)), square(y), mul(x, y)), mul(6, x)), mul(5, y)),
    lecture_bowl: ([x, y]) => add(square(sub(x, 3)), square(sub(y, 3))),
    ellipse: ([x, y]) => add(square(x), mul(2, square(y))),
    flat_ellipse: ([x, y]) => add(mul(0.1, square(x)), mul(2, square(y))),
    bowl: ([x, y]) => mul(0.5, add(mul(1, square(x)), mul(100, square(y)))),
    saddle: ([x, y]) => sub(mul(0.5, square(x)), mul(0.5, square(y))),
    rosenbrock: ([x, y]) =>
      add(mul(100, square(sub(y, square(x)))), square(sub(1, x))),
    himmelblau: ([x, y]) =>
      add(square(sub(add(square(x), y), 11)), square(sub(add(x, square(y)), 7))),
    beale: ([x, y]) => {
      const squared = square(y);
      const first = add(sub(1.5, x), mul(x, y));
      const second = add(sub(2.25, x), mul(x, squared));
      const third = add(sub(2.625, x), mul(x, mul(y, squared)));
      return sum(square(first), square(second), square(third));
    },
    booth: ([x, y]) =>
      add(square(sub(add(x, mul(2, y)), 7)), square(sub(add(mul(2, x), y), 5))),
    matyas: ([x, y]) => sub(mul(0.26, add(square(x), square(y))), mul(mul(0.48, x), y)),
    three_hump_camel: ([x, y]) => {
      const squared = square(x);
      const sixth = div(square(mul(x, squared)), 6);
      return sum(sub(mul(2, squared), mul(1.05, square(squared))), sixth, mul(x, y), square(y));
    },
    rastrigin: ([x, y]) => {
      const term = (a) => sub(square(a), mul(10, cos(mul(two_pi, a))));
      return add(20, add(term(x), term(y)));
    },
    mccormick: ([x, y]) => {
      const [total, difference] = [add(x, y), sub(x, y)];
      const first = sum(sin(total), mul(0.5, total), square(difference));
      return add(sub(first, mul(2, difference)), 1);
    },
    styblinski_tang: ([x, y]) => {
      const term = (a) => {
        const squared = square(a);
        return add(sub(square(squared), mul(16, squared)), mul(5, a));
      };
      return mul(0.5, add(term(x), term(y)));
    },
  };
  return {gradient, descend, functions};
})();
if (typeof module !== "undefined") module.exports = tape;
