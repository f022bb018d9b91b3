"use strict";
/* The page of the explorer: what is dragged, typed and pressed becomes settings; an engine answers
   them with a path; the path is drawn. The engine is a program beside the page, which runs Keras,
   or, on a page without a server, tape.js. Bokeh draws. */
const page = (() => {
  const $ = (id) => document.getElementById(id);
  const about = JSON.parse($("about").textContent);
  const sliders = {
    x1: {get: () => settings.start[0], set: (v) => { settings.start[0] = v; }},
    x2: {get: () => settings.start[1] ?? 0, set: (v) => { settings.start[1] = v; }},
    rate: {
      get: () => settings.rate, set: (v) => { settings.rate = v; },
      toSlider: Math.log10, fromSlider: (v) => Number((10 ** v).toPrecision(3)),
    },
    momentum: {get: () => settings.momentum, set: (v) => { settings.momentum = v; }},
    decay: {get: () => settings.decay, set: (v) => { settings.decay = v; }},
    steps: {get: () => settings.steps, set: (v) => { settings.steps = Math.round(v); }},
  };
  let models, engine, settings, shown;  // shown: the function on the page
  let answer = null;
  let k = Infinity;  // the step that is looked at; Infinity is the last
  let timer = null, working = false, wanted = false;

  // ---- settings, and the address that keeps them ----

  function fromAddress() {  // what it holds, and no more
    const asked = new URLSearchParams(location.hash.slice(1)), found = {};
    const limits = {rate: [1e-30, about.largest], momentum: [0, 1], decay: [0, about.largest], steps: [1, about.most_steps]};
    for (const [name, [low, high]] of Object.entries(limits)) {
      const value = Number(asked.get(name));
      if (asked.get(name) && value >= low && value <= high) found[name] = name === "steps" ? Math.round(value) : value;
    }
    const start = (asked.get("start") ?? "").split(",").map((part) => (part.trim() ? Number(part) : NaN));
    if (start.every((v) => Math.abs(v) <= 1e30)) found.start = start;
    if (asked.has("nesterov")) found.nesterov = asked.get("nesterov") === "1";
    return found;
  }

  function toAddress() {
    const kept = new URLSearchParams();
    kept.set("objective", shown.name);
    kept.set("start", settings.start.join(","));
    for (const name of ["rate", "momentum", "decay", "steps"]) kept.set(name, settings[name]);
    kept.set("nesterov", settings.nesterov ? "1" : "0");
    history.replaceState(null, "", `#${kept.toString().replaceAll("%2C", ",")}`);
  }

  // ---- asking: one request at a time, and then the latest ----

  async function refresh() {
    wanted = true;
    if (working) return;
    working = true;
    while (wanted) {
      wanted = false;
      const [of, asked] = [shown, structuredClone(settings)];
      try {
        const found = await patiently(engine.path(asked, of));
        if (of === shown) {
          answer = {...found, asked};
          draw();
        }
      } catch (error) {
        say(error.message, true);
      }
    }
    working = false;
    addressLater();
  }

  async function patiently(answer) {  // say so while one is waited for
    const never = "Still computing. If it never ends, the function does not return: end the program with Ctrl-C.";
    const waiting = [setTimeout(() => say("Computing ..."), 400), setTimeout(() => say(never, true), 10000)];
    try {
      return await answer;
    } finally {
      waiting.forEach(clearTimeout);
    }
  }

  let addressTimer = null;
  function addressLater() {  // browsers count how often the address changes
    clearTimeout(addressTimer);
    addressTimer = setTimeout(toAddress, 300);
  }

  function changed() {
    if (!shown) return;
    pause();
    k = Infinity;
    clearMap();
    writeControls();
    writeCode();
    drawStart();
    refresh();
  }

  function say(text, bad = false) {
    $("verdict").textContent = text;
    $("verdict").classList.toggle("bad", bad);
  }

  // ---- drawing ----

  // Bokeh sends what changes to the program, unless it is told that this is the page's own.
  const put = (model, values) => model.setv(values, {sync: false});

  const empty = (source) =>
    put(source, {data: Object.fromEntries(Object.keys(source.data).map((column) => [column, []]))});

  const frameOf = (i) => shown.frame[i];
  const span = ([low, high]) => high - low;
  const inFrame = (x) => x.every((v, i) => v >= frameOf(i)[0] && v <= frameOf(i)[1]);
  const drawable = (x) => x.every((v, i) =>
    Math.abs(v - (frameOf(i)[0] + frameOf(i)[1]) / 2) < 20 * span(frameOf(i)));
  const point = (which, i) => shown.start.map((_, j) => answer[`${which}${j + 1}`][i]);
  const last = () => answer.loss.length - 1;
  const at = () => Math.min(k, last());

  function line(which, to) {  // the path as far as it can be drawn
    const [x, y] = [[], []];
    for (let i = 0; i <= to; i++) {
      const here = point(which, i);
      const height = shown.dim === 1 ? heightAt(which, i) : here[1];
      if (!here.every(Number.isFinite) || !Number.isFinite(height)) break;
      x.push(here[0]);
      y.push(height);
      if (!drawable(here)) break;
    }
    return {x, y};
  }
  const heightAt = (which, i) => (which === "keras" ? answer.kerasLoss : answer.loss)[i];

  function draw() {
    const to = at();
    put(models.hand, {data: line("x", to)});
    put(models.keras, {data: answer.keras1 ? line("keras", to) : {x: [], y: []}});
    put(models.slopes, {data: shown.dim === 1
      ? {x: Array.from(answer.x1.slice(0, to + 1)), y: Array.from(answer.gradient1.slice(0, to + 1))}
      : {x: [], y: []}});
    drawLosses(to);
    drawNow(to);
    drawStart();
    writeStep(to);
    writeLimit();
    say(verdict());
    document.body.dataset.answers = Number(document.body.dataset.answers ?? 0) + 1;
  }

  function drawLosses(to) {
    const finite = Array.from(answer.loss).filter((f) => Math.abs(f) < 1e30);
    const lowest = shown.lowest ?? Math.min(...finite);
    const above = (losses) => Array.from(losses, (f) => (f - lowest > 0 && f < 1e30 ? f - lowest : NaN));
    const steps = Array.from(answer.loss, (_, i) => i);
    put(models.losses, {data: {k: steps, hand: above(answer.loss), keras: above(answer.kerasLoss ?? [])
      .concat(Array(answer.kerasLoss ? 0 : steps.length).fill(NaN))}});
    const heights = above(answer.loss).filter((h) => h > 0);
    const [low, high] = heights.length ? [Math.min(...heights), Math.max(...heights)] : [0.1, 1];
    put(models.loss.y_range, {start: Math.max(low / 2, 1e-30), end: high * 2});
    put(models.loss.x_range, {start: 0, end: Math.max(1, last())});
    put(models.step_line, {location: to});
  }

  function drawNow(to) {  // where step k is, and the tangent or the arrow against the gradient
    const here = point("x", to);
    const g = here.map((_, j) => answer[`gradient${j + 1}`][to]);
    const seen = here.every(Number.isFinite) && drawable(here);
    const height = shown.dim === 1 ? answer.loss[to] : here[1];
    put(models.now, {data: seen ? {x: [here[0]], y: [height]} : {x: [], y: []}});
    const size = sizeAt(to);
    const steepest = answer.loss.reduce((most, _, i) => Math.max(most, sizeAt(i)), 0);
    if (!seen || !(size > 1e-5 * steepest)) {  // too small for a direction to be seen
      [models.arrow, models.tip].forEach(empty);
    } else if (shown.dim === 1) {
      const one = [span(frameOf(0)), models.picture.y_range.end - models.picture.y_range.start];
      const half = 0.12 * one[0] / Math.hypot(1, g[0] * one[0] / one[1]);
      put(models.arrow, {data: {x0: [here[0] - half], x1: [here[0] + half],
        y0: [height - half * g[0]], y1: [height + half * g[0]]}});
      empty(models.tip);
    } else {
      const length = 0.12 * Math.max(span(frameOf(0)), span(frameOf(1))) / size;
      const end = [here[0] - length * g[0], here[1] - length * g[1]];
      put(models.arrow, {data: {x0: [here[0]], y0: [here[1]], x1: [end[0]], y1: [end[1]]}});
      const [across, up] = [models.picture.inner_width / span(frameOf(0)), models.picture.inner_height / span(frameOf(1))];
      const angle = Math.atan2(-g[1] * up, -g[0] * across) - Math.PI / 2;
      put(models.tip, {data: {x: [end[0]], y: [end[1]], angle: [angle]}});
    }
  }

  function sizeAt(i) {  // of the gradient; 0 where it is not finite
    const size = Math.hypot(...shown.start.map((_, j) => answer[`gradient${j + 1}`][i]));
    return Number.isFinite(size) ? size : 0;
  }

  function drawStart() {
    const [x, y] = settings.start;
    const height = shown.dim === 2 ? y : curveAt(x);
    put(models.start, {data: {x: [x], y: [height]}});
  }

  function curveAt(x) {  // f between two of the points that draw it; NaN where it is not defined
    const {x: xs, f} = shown.curve;
    const i = xs.findIndex((other) => other >= x);
    if (i <= 0) return f[i === 0 ? 0 : f.length - 1] ?? NaN;
    if (f[i - 1] === null || f[i] === null) return NaN;
    return f[i - 1] + (f[i] - f[i - 1]) * (x - xs[i - 1]) / (xs[i] - xs[i - 1]);
  }

  function around(values, below = 0.08, above = 0.08) {  // the range that shows them, with margins
    const known = values.filter((v) => v !== null);
    const [low, high] = known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
    const size = high - low || Math.abs(high) || 1;
    return {start: low - below * size, end: high + above * size};
  }

  function drawFunction() {
    const [x, y] = [models.picture.x_range, models.picture.y_range];
    put(x, {start: frameOf(0)[0], end: frameOf(0)[1]});
    const flat = shown.dim === 1;
    if (flat) {
      put(y, around(shown.curve.f, 0.08, 0.16));
      put(models.levels, {data: {xs: [shown.curve.x], ys: [shown.curve.f.map((f) => f ?? NaN)], alpha: [1], width: [2]}});
      put(models.derivative, {data: {x: shown.curve.x, y: shown.curve.slope.map((s) => s ?? NaN)}});
      put(models.slope.x_range, {start: frameOf(0)[0], end: frameOf(0)[1]});
      put(models.slope.y_range, around(shown.curve.slope));
    } else {
      put(y, {start: frameOf(1)[0], end: frameOf(1)[1]});
      put(models.levels, {data: {xs: shown.lines.xs, ys: shown.lines.ys,
        alpha: shown.lines.share.map((share) => 0.95 - 0.6 * share), width: shown.lines.share.map(() => 1)}});
      empty(models.derivative);
    }
    put(models.picture_axes[0], {axis_label: flat ? "x" : "x₁"});
    put(models.picture_axes[1], {axis_label: flat ? "f(x)" : "x₂"});
    const seen = shown.minima.filter(inFrame);
    put(models.minima, {data: {x: seen.map((m) => m[0]), y: seen.map((m) => (flat ? curveAt(m[0]) : m[1]))}});
    $("slope").hidden = !flat;
    $("row-x2").hidden = flat;
    document.body.classList.toggle("flat", flat);
    $("formula").innerHTML = shown.formula;  // SVG of the program's own
    for (const [i, name] of ["x1", "x2"].slice(0, shown.dim).entries()) {
      const [low, high] = frameOf(i);
      Object.assign($(`${name}-slider`), {min: low, max: high, step: 10 ** digitOf(i)});
    }
    resize();
  }

  const digitOf = (i) => Math.floor(Math.log10(span(frameOf(i)) / 1000));
  function rounded(value, i) {
    const digit = digitOf(i);
    return Number((Math.round(value / 10 ** digit) * 10 ** digit).toFixed(Math.max(0, -digit)));
  }

  function resize() {  // one scale for both axes, where the domain is no strip
    const width = $("picture").clientWidth;
    if (!width || !shown) return;
    const ratio = shown.dim === 1 ? 0.55 : Math.min(1.1, Math.max(0.5, span(frameOf(1)) / span(frameOf(0))));
    const height = Math.min((width - 70) * ratio + 60, Math.max(320, innerHeight * 0.66));
    put(models.picture, {height: Math.round(height)});
  }

  function paint() {  // the colours of text and lines on light and on dark
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const [ink, faint] = [colour("--ink"), colour("--line")];
    for (const axis of models.axes) {
      put(axis, {axis_label_text_color: ink, major_label_text_color: ink, axis_line_color: ink,
        major_tick_line_color: ink, minor_tick_line_color: null});
    }
    for (const grid of models.grids) put(grid, {grid_line_color: faint});
    for (const glyph of models.inked) put(glyph, {line_color: ink});
    for (const glyph of models.marked) put(glyph, {line_color: colour("--paper")});
    for (const [glyph, part, name] of models.coloured) put(glyph, {[part]: colour(name)});
  }

  // ---- text ----

  const {short, tuple} = words;

  function verdict() {
    const n = last();
    const outside = answer.loss.findIndex((_, i) => !inFrame(point("x", i)));
    const broken = answer.loss.findIndex((f, i) => !Number.isFinite(f) || !point("x", i).every(Number.isFinite));
    const stops = broken >= 0 ? broken : n < answer.asked.steps ? n : -1;
    const undefined_there = broken >= 0 && Number.isNaN(answer.loss[broken]) && point("x", broken).every((v) => Math.abs(v) < 1e18);
    const ends = undefined_there ? ` At step ${broken}, f is not a number at ${tuple(point("x", broken))}.`
      : stops >= 0 ? ` At step ${stops} f, or the squared length of its gradient, is too large for float32: it ends there.`
      : outside >= 0 && !inFrame(point("x", n)) ? ` It leaves the picture at step ${outside}.`
      : ` After ${n} steps: x\u00a0=\u00a0${tuple(point("x", n))}, f\u00a0=\u00a0${short(answer.loss[n])}.`;
    return answer.verdict + ends;
  }

  function writeStep(to) {
    const g = shown.start.map((_, j) => answer[`gradient${j + 1}`][to]);
    $("step-slider").max = last();
    $("step-slider").value = to;
    $("step-text").textContent = `k = ${to}:  x = ${tuple(point("x", to))},  f = ${short(answer.loss[to])},  `
      + `${shown.dim === 1 ? "f′" : "gradient"} = ${shown.dim === 1 ? short(g[0]) : tuple(g)}`;
  }

  function limitOf() {  // the minimum of this path, L there, and the limit of the rate
    let {minimum, largest} = answer;
    if (shown.minima.length) {  // the nearest that is listed, unless the path has found another
      const end = point("x", last());
      const place = minimum ?? (end.every(Number.isFinite) && drawable(end) ? end : answer.asked.start);
      const away = (m) => Math.hypot(...m.map((v, i) => (v - place[i]) / span(frameOf(i))));
      const i = shown.minima.reduce((best, m, j) => (away(m) < away(shown.minima[best]) ? j : best), 0);
      const stands_for_it = answer.asked.decay < 0.1 * shown.largest[i];  // with more decay, the path rests elsewhere
      if (minimum ? away(shown.minima[i]) < 0.03 : stands_for_it) [minimum, largest] = [shown.minima[i], shown.largest[i]];
    }
    if (!minimum || !(largest > 0)) return null;
    return {minimum, largest, ...words.limit(largest, answer.asked)};
  }

  function writeLimit() {
    const found = limitOf();
    $("limit").hidden = !found;
    if (!found) {
      $("beyond").textContent = "This path has come to rest at no minimum, and none is known here: no limit of the rate is marked.";
      return;
    }
    const {name, limit} = found;
    const [low, high] = [Number($("rate-slider").min), Number($("rate-slider").max)];
    const share = Math.min(1, Math.max(0, (Math.log10(limit) - low) / (high - low)));
    $("limit").style.setProperty("--share", share);
    $("limit").classList.toggle("right", share > 0.6);
    $("limit-text").textContent = `${name} = ${short(limit)}`;
    $("beyond").textContent = words.beyond(found, answer.asked);
  }

  function writeCode() {
    const code = words.code(settings, shown);
    $("by-hand").textContent = code.byHand;
    $("in-keras").textContent = code.inKeras;
  }

  function writeControls() {
    for (const [name, {get, toSlider}] of Object.entries(sliders)) {
      const value = get();
      const [slider, number] = [$(`${name}-slider`), $(`${name}-number`)];
      slider.value = toSlider ? toSlider(value) : value;
      if (document.activeElement !== number) number.value = value;
      slider.setAttribute("aria-valuetext", value);
    }
    $("nesterov").checked = settings.nesterov;
    $("objective").value = shown.name;
  }

  // ---- playing ----

  function pause() {
    clearInterval(timer);
    timer = null;
    $("play").textContent = "▶ Play";
  }

  function play() {
    if (timer) return pause();
    if (!answer) return;
    if (at() >= last()) k = 0;
    const stride = Math.ceil(last() / 150);
    $("play").textContent = "❚❚ Pause";
    timer = setInterval(() => {
      moveTo(at() + stride);
      if (at() >= last()) pause();
    }, Math.min(400, Math.max(60, 6000 / last())));
    moveTo(k);
  }

  function moveTo(step) {
    if (!answer) return;
    k = Math.min(Math.max(0, step), last());
    draw();
  }

  // ---- many starts ----

  const colourOf = (label) => (label < 0 ? about.nowhere : about.colours[label % about.colours.length]);

  let asks = 0;  // for many starts; what is asked anew, or cleared, answers no longer

  function clearMap() {
    asks++;
    [models.basins, models.starts, models.flights].forEach(empty);
    $("shares").textContent = "";
  }

  async function many(kind) {
    if (!shown) return;
    clearMap();
    const [number, of] = [asks, shown];
    const current = () => number === asks && of === shown;
    $("shares").textContent = "Computing ...";
    try {
      const found = await engine[kind](structuredClone(settings), of, current);
      if (current()) (kind === "starts" ? drawStarts : drawBasins)(found);
    } catch (error) {
      if (current()) $("shares").textContent = error.message;
    }
  }

  function drawStarts({starts, ends, labels, minima}) {
    const height = (x) => (shown.dim === 2 ? x[1] : curveAt(x[0]));
    const colour = labels.map(colourOf);
    const xs = starts.map((x) => x[0]);
    put(models.starts, {data: {x: xs, y: starts.map(height), colour}});
    const seen = ends.map((x, i) => i).filter((i) => drawable(ends[i]) && shown.dim === 2);
    put(models.flights, {data: {x0: seen.map((i) => starts[i][0]), y0: seen.map((i) => starts[i][1]),
      x1: seen.map((i) => ends[i][0]), y1: seen.map((i) => ends[i][1]), colour: seen.map((i) => colour[i])}});
    writeShares(labels, minima);
  }

  function drawBasins({labels, minima, resolution}) {
    const side = (i, number) => frameOf(i)[0] + span(frameOf(i)) * number / resolution;
    const range = models.picture.y_range;
    const cells = {left: [], right: [], bottom: [], top: [], colour: []};
    for (let first = 0; first < labels.length;) {  // neighbours of one colour become one cell
      const row = Math.floor(first / resolution);
      let end = first + 1;
      while (end < labels.length && end % resolution && labels[end] === labels[first]) end++;
      cells.left.push(side(0, first - row * resolution));
      cells.right.push(side(0, end - row * resolution));
      cells.bottom.push(shown.dim === 2 ? side(1, row) : range.start);
      cells.top.push(shown.dim === 2 ? side(1, row + 1) : range.end);
      cells.colour.push(colourOf(labels[first]));
      first = end;
    }
    put(models.basins, {data: cells});
    writeShares(labels, minima);
  }

  function writeShares(labels, minima) {
    const share = (label) => labels.filter((l) => l === label).length / labels.length;
    const percent = (v) => `${Math.round(100 * v)} %`;
    const parts = minima.map((m, i) => [share(i), `${percent(share(i))} reach ${tuple(m)}`, i])
      .filter(([part]) => part > 0).sort((a, b) => b[0] - a[0]);
    const named = parts.slice(0, 6).map(([, text, i]) => [text, colourOf(i)]);
    if (parts.length > 6) named.push([`${parts.length - 6} more minima`, null]);
    if (share(-1)) named.push([`${percent(share(-1))} are not at rest after ${settings.steps} steps`, about.nowhere]);
    if (share(-2)) named.push([`${percent(share(-2))} run away`, about.nowhere]);
    if (settings.decay) named.push(["weight decay is left out here", null]);
    $("shares").replaceChildren(...named.map(([text, colour]) => {
      const item = document.createElement("span");
      item.textContent = text;
      if (colour) item.style.setProperty("--dot", colour);
      item.className = colour ? "dot" : "";
      return item;
    }));
  }

  // ---- connecting ----

  async function choose(name, asked = {}) {
    pause();
    let found;
    try {
      found = await patiently(engine.function(name));
    } catch (error) {
      say(error.message, true);
      $("objective").value = shown?.name ?? name;
      return;
    }
    const before = settings;
    shown = found;
    settings = {...before, start: shown.start, ...shown.suggested, ...asked};
    if (settings.start.length !== shown.dim) settings.start = shown.start;
    settings.start = [...settings.start];
    answer = null;
    [models.hand, models.keras, models.now, models.slopes, models.arrow, models.tip].forEach(empty);
    $("step-text").textContent = "";
    drawFunction();
    changed();
  }

  function connect() {
    for (const [name, {set, fromSlider}] of Object.entries(sliders)) {
      const [slider, number] = [$(`${name}-slider`), $(`${name}-number`)];
      slider.addEventListener("input", () => {
        set(fromSlider ? fromSlider(Number(slider.value)) : Number(slider.value));
        changed();
      });
      number.addEventListener("change", () => {
        const value = Number(number.value);
        if (number.value !== "" && number.checkValidity() && Number.isFinite(value)) {
          set(value);
          number.value = sliders[name].get();
          changed();
        } else {
          const expected = number.min === "" ? "a finite number" : `a number from ${number.min} to ${number.max}`;
          say(`${slider.getAttribute("aria-label").split(",")[0]}: got ${number.value || "no number"}, expected ${expected}.`, true);
          number.value = sliders[name].get();
        }
      });
    }
    $("nesterov").addEventListener("change", () => { settings.nesterov = $("nesterov").checked; changed(); });
    $("objective").addEventListener("change", () => choose($("objective").value));
    $("play").addEventListener("click", play);
    $("back").addEventListener("click", () => { pause(); moveTo(at() - 1); });
    $("forth").addEventListener("click", () => { pause(); moveTo(at() + 1); });
    $("step-slider").addEventListener("input", () => { pause(); moveTo(Number($("step-slider").value)); });
    $("starts").addEventListener("click", () => many("starts"));
    $("basins").addEventListener("click", () => many("basins"));
    $("clear").addEventListener("click", clearMap);
    for (const button of document.querySelectorAll("button[data-copies]")) {
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText($(button.dataset.copies).textContent);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
    }
    addEventListener("hashchange", () => choose(named() ?? shown?.name ?? about.first, fromAddress()));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
    new ResizeObserver(resize).observe($("picture"));
  }

  const named = () => {
    const name = new URLSearchParams(location.hash.slice(1)).get("objective");
    return about.names.includes(name) ? name : null;
  };

  async function start(given, made) {
    [models, engine] = [given, made(about)];
    for (const name of about.names) $("objective").add(new Option(name.replaceAll("_", " "), name));
    connect();
    paint();
    settings = about.settings;
    const name = named() ?? about.first;
    await choose(name, {...(name === about.first ? about.settings : {}), ...fromAddress()});
  }

  function drag(x, y) {
    if (!shown) return;
    const clipped = [x, y].slice(0, shown.dim).map((v, i) =>
      rounded(Math.min(Math.max(v, frameOf(i)[0]), frameOf(i)[1]), i));
    if (!clipped.every(Number.isFinite)) return;
    settings.start = clipped;
    changed();
  }

  function lost() {
    say("The program behind this page has ended. Start it again: tf-gd explore", true);
  }

  const state = () => ({settings: structuredClone(settings), name: shown?.name, k: answer && at(), answer, working});
  return {start, drag, lost, state};
})();
