"use strict";
/* What the page of the explorer says: numbers, the limit of the rate and what happens there, code. */
const words = (() => {
  const short = (v) => {
    if (v === undefined || !Number.isFinite(v)) return String(v ?? "");
    const size = Math.abs(v);
    return size >= 1e6 || (size > 0 && size < 1e-4) ? v.toExponential(2) : String(Number(v.toPrecision(4)));
  };
  const tuple = (x) => (x.length === 1 ? short(x[0]) : `(${Array.from(x, short).join(", ")})`);
  const written = (v) => (/^-?\d+$/.test(String(v)) ? `${v}.0` : String(v));  // as a float of Python

  // The limit of the rate at a minimum whose largest curvature is L, and its formula: rates.limit.
  function limit(largest, {momentum, decay, nesterov}) {
    const ahead = nesterov && momentum > 0;
    const share = ahead ? 1 + 2 * momentum : 1;
    const value = 2 * (1 + momentum) / (share * largest + (1 + momentum) * decay);
    const [first, second] = [ahead ? "(1+2β)L" : "L", momentum ? "(1+β)λ" : "λ"];
    const below = decay ? `(${first}+${second})` : ahead ? `(${first})` : first;
    return {limit: value, name: `${momentum ? "2(1+β)" : "2"}/${below}`};
  }

  // What a path does near a minimum at this rate.
  function beyond({name, limit, minimum, largest}, {rate, momentum, decay}) {
    const place = decay ? `the point where decay and gradient balance, near ${tuple(minimum)},` : `the minimum at ${tuple(minimum)}`;
    const there = `${place} (L, the largest curvature there, is ${short(largest)})`;
    const half = name.replace("2", "1");
    const is = (ratio) => Math.abs(rate / limit - ratio) < 0.002;
    return momentum === 1 && !decay
      ? `With a momentum of 1 nothing slows the path down: it never comes to rest at ${there}.`
      : is(1) ? `The rate is ${name}: at ${there}, a path jumps to and fro, and comes no closer.`
      : rate > limit ? `The rate is beyond ${name}: ${there} cannot hold a path, which swings for ever, diverges, or ends somewhere flatter.`
      : momentum ? `The rate is below ${name}: once near ${there}, a path comes to rest, after swings that may grow at first.`
      : is(0.5) ? `The rate is ${half}: once near ${there}, a path crosses its steepest direction in one step.`
      : rate > limit / 2 ? `The rate is between ${half} and ${name}: once near ${there}, a path jumps to and fro, and comes closer.`
      : `The rate is below ${half}: once near ${there}, a path comes closer without a jump across.`;
  }

  // The loop that makes the path, by hand and in Keras.
  function code({start, rate, momentum, nesterov, decay, steps}, shown) {
    const begins = [
      "import tensorflow as tf", "import tf_gd", "",
      shown.import ?? `f = tf_gd.objectives.get("${shown.name}")`,
      `x = tf.Variable([${start.map(written).join(", ")}])`,
    ];
    const tapes = [
      `for k in range(${steps}):`,
      "    with tf.GradientTape() as tape:",
      "        loss = f(x)",
      "    gradient = tape.gradient(loss, x)",
    ];
    const [eta, beta, lambda] = [rate, momentum, decay].map(written);
    const decays = decay ? [`    x.assign_sub(x * ${lambda} * ${eta})`] : [];
    const steps_by_hand = !momentum ? [`    x.assign_sub(${eta} * gradient)`]
      : [`    v = ${beta} * v - ${eta} * gradient`,
        nesterov ? `    x.assign_add(${beta} * v - ${eta} * gradient)` : "    x.assign_add(v)"];
    const options = [eta, ...(momentum ? [`momentum=${beta}`] : []),
      ...(nesterov ? ["nesterov=True"] : []), ...(decay ? [`weight_decay=${lambda}`] : [])];
    const byHand = [...begins, ...(momentum ? ["v = tf.zeros_like(x)"] : []), ...tapes, ...decays, ...steps_by_hand];
    const optimizer = `optimizer = keras.optimizers.SGD(${options.join(", ")})`;
    const inKeras = ["import keras", ...begins, optimizer, ...tapes, "    optimizer.apply([gradient], [x])"];
    return {byHand: byHand.join("\n"), inKeras: inKeras.join("\n")};
  }

  return {short, tuple, limit, beyond, code};
})();
