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
  const resting = 1e-6, near = 1e-2;  // of the frame: the length of a last step; how near a minimum
  const moment = () => new Promise((resolve) => setTimeout(resolve));

  function label(end, before, shown, minima) {
    const size = (a, b) => Math.hypot(...a.map((v, i) => (v - b[i]) / (shown.frame[i][1] - shown.frame[i][0])));
    if (!end.every(Number.isFinite) || size(end, before) > resting) return -1;
    const found = minima.findIndex((m) => size(end, m) < near);
    return found >= 0 ? found : minima.push(end) - 1;
  }

  async function many(starts, settings, shown, show) {
    const [f, plain] = [tape.functions[shown.name], {...settings, decay: 0}];
    const [minima, labels, ends] = [[...shown.minima], Array(starts.length).fill(-1), [...starts]];
    let shownAt = performance.now();
    for (const [i, start] of starts.entries()) {
      const {points} = tape.descend(f, start, {...plain, rests: true});
      ends[i] = points.at(-1);
      labels[i] = label(ends[i], points.at(-2) ?? ends[i], shown, minima);
      if (performance.now() - shownAt > 100) {  // let the page answer
        await moment();
        shownAt = performance.now();
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
      await moment();
      return answer;
    },
    starts: (settings, shown, show) => {
      const anywhere = () => shown.frame.map(([low, high]) => low + (high - low) * Math.random());
      return many(Array.from({length: 100}, anywhere), settings, shown, show);
    },
    basins: async (settings, shown, show) => {
      const resolution = shown.dim === 1 ? 200 : 41;
      const middle = (i, number) => shown.frame[i][0] + (shown.frame[i][1] - shown.frame[i][0]) * (number + 0.5) / resolution;
      const rows = shown.dim === 1 ? [0] : Array.from({length: resolution}, (_, row) => row);
      const starts = rows.flatMap((row) => Array.from({length: resolution}, (_, column) =>
        (shown.dim === 1 ? [middle(0, column)] : [middle(0, column), middle(1, row)])));
      return {...await many(starts, settings, shown, show), resolution};
    },
  };
};
