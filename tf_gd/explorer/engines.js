"use strict";
/* Who computes the paths of page.js: the program beside the page, or the page itself. */

// The program: requests go out and answers come back through two sources of Bokeh's.
const program = (request, reply) => () => {
  const waiting = new Map();
  let id = 0;
  reply.on_change(reply.properties.data, () => {
    const facts = JSON.parse(reply.tags[0]);
    const {resolve, reject} = waiting.get(facts.id) ?? {};
    waiting.delete(facts.id);
    if (!resolve) return;
    if (facts.error) reject(new Error(facts.error));
    else resolve({facts, columns: reply.data});
  });
  const ask = (kind, asked) => new Promise((resolve, reject) => {
    waiting.set(++id, {resolve, reject});
    request.data = {json: [JSON.stringify({id, kind, ...asked})]};
  });
  return {
    function: async (name) => (await ask("function", {name})).facts,
    path: async (settings, shown) => {
      const {facts, columns} = await ask("path", {name: shown.name, ...settings});
      const arrays = Object.fromEntries(facts.columns.map((name) => [name, Array.from(columns[name])]));
      return {...facts, ...arrays};
    },
    starts: async (settings, shown) => (await ask("starts", {name: shown.name, ...settings})).facts,
    basins: async (settings, shown) => (await ask("basins", {name: shown.name, ...settings})).facts,
  };
};

// The page itself, in float32.
const by_tape = (about) => {
  // Of the frame, as in tf_gd.multi_start: how near a minimum is reached, how short a last step is;
  // and how near to where it ends Newton's method may find a minimum that is not listed.
  const near = 1e-3, at_rest = 1e-5, found_within = 3e-2, far = 20;
  const pause = () => new Promise((resolve) => setTimeout(resolve));

  // A minimum near a point, by Newton's method with differences of the gradient; or null.
  function minimumNear(point, shown) {
    const f = tape.functions[shown.name], size = shown.frame.map(([low, high]) => high - low);
    const slope = (x) => tape.gradient(f, x).gradient;
    let x = [...point];
    for (let turn = 0; turn < 6; turn++) {
      const g = slope(x);
      const rows = x.map((_, j) => {
        const [more, less] = [1, -1].map((sign) => slope(x.map((v, i) => (i === j ? v + sign * 1e-3 * size[j] : v))));
        return more.map((v, i) => (v - less[i]) / (2e-3 * size[j]));
      });
      const [[a, b], [c, d]] = x.length === 1 ? [[rows[0][0], 0], [0, 1]] : rows;
      const determinant = a * d - b * c;
      if (!(a > 0 && determinant > 0)) return null;  // no minimum: it curves down somewhere
      const [g1, g2] = [g[0], g[1] ?? 0];
      const step = [(d * g1 - b * g2) / determinant, (a * g2 - c * g1) / determinant];
      x = x.map((v, i) => v - step[i]);
    }
    const away = Math.hypot(...x.map((v, i) => (v - point[i]) / size[i]));
    return away < found_within ? x : null;
  }

  function label(end, before, shown, minima) {
    const away = (a, b) => Math.hypot(...a.map((v, i) => (v - b[i]) / (shown.frame[i][1] - shown.frame[i][0])));
    const middle = shown.frame.map(([low, high]) => (low + high) / 2);
    if (!end.every(Number.isFinite) || away(end, middle) > far) return -2;
    if (!(away(end, before) < at_rest)) return -1;
    const listed = minima.findIndex((m) => away(end, m) < near);
    if (listed >= 0) return listed;
    const another = minimumNear(end, shown);
    if (!another) return -1;
    const known = minima.findIndex((m) => away(another, m) < near);
    return known >= 0 ? known : minima.push(another) - 1;
  }

  async function many(starts, settings, shown, current) {
    const [f, asked] = [tape.functions[shown.name], {...settings, decay: 0, rests: true}];
    const [minima, labels, ends] = [[...shown.minima], [], []];
    let since = performance.now();
    for (const start of starts) {
      const {points} = tape.descend(f, start, asked);
      ends.push(points.at(-1));
      labels.push(label(points.at(-1), points.at(-2) ?? start, shown, minima));
      if (performance.now() - since > 50) {  // let the page answer
        await pause();
        if (!current()) break;
        since = performance.now();
      }
    }
    return {starts, ends, labels, minima};
  }

  return {
    function: async (name) => about.functions[name],
    path: async (settings, shown) => {
      const path = tape.descend(tape.functions[shown.name], settings.start, settings);
      const column = (of, j) => of.map((x) => x[j]);
      const answer = {loss: path.losses, verdict: about.verdicts[shown.name]};
      for (let j = 0; j < shown.dim; j++) {
        answer[`x${j + 1}`] = column(path.points, j);
        answer[`gradient${j + 1}`] = column(path.gradients, j);
      }
      await pause();
      return answer;
    },
    starts: (settings, shown, current) => {
      const anywhere = () => shown.frame.map(([low, high]) => low + (high - low) * Math.random());
      return many(Array.from({length: 100}, anywhere), settings, shown, current);
    },
    basins: async (settings, shown, current) => {
      const resolution = shown.dim === 1 ? 200 : 41;
      const middle = (i, number) => shown.frame[i][0] + (shown.frame[i][1] - shown.frame[i][0]) * (number + 0.5) / resolution;
      const rows = shown.dim === 1 ? [0] : Array.from({length: resolution}, (_, row) => row);
      const starts = rows.flatMap((row) => Array.from({length: resolution}, (_, column) =>
        (shown.dim === 1 ? [middle(0, column)] : [middle(0, column), middle(1, row)])));
      return {...await many(starts, settings, shown, current), resolution};
    },
  };
};
