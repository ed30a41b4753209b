// <lstm-player cells="ID">: plays short sequences through LSTMs of one unit, step by step. The
// element with that id holds their weights and inputs as JSON, by name, with the gates in the
// order i, f, g, o; all the numbers shown are computed here from them.

const WORDS = {
  cell: "Cell",
  back: "Back",
  step: "Step",
  play: "Play",
  pause: "Pause",
  restart: "Start over",
  values: "Input, gates, candidate and states at this step",
  rows: {
    x: "input",
    i: "input gate",
    f: "forget gate",
    o: "output gate",
    g: "candidate",
    c: "cell state",
    h: "hidden state",
  },
  start: (now) => `Before the first step: c = ${number(now.c)}, h = ${number(now.h)}`,
  now: (t, now) =>
    `Step ${t}: ` +
    Object.keys(WORDS.rows)
      .map((k) => `${k} = ${number(now[k])}`)
      .join(", "),
  plot: "Cell state c, solid, and hidden state h, dashed, after each step so far; below them the input x",
};
const BEAT = 1200; // milliseconds a step while it plays

function number(value) {
  const text = value.toFixed(2).replace("-", "−");
  return text === "−0.00" ? "0.00" : text;
}

// All states of a run, the one before the first step included.
function run({ x, W_ih, W_hh, b }) {
  const sigmoid = (z) => 1 / (1 + Math.exp(-z));
  const states = [{ c: 0, h: 0 }];
  for (const x_t of x) {
    const { c, h } = states.at(-1);
    const z = b.map((bias, k) => W_ih[k][0] * x_t + W_hh[k][0] * h + bias);
    const [i, f, g, o] = [sigmoid(z[0]), sigmoid(z[1]), Math.tanh(z[2]), sigmoid(z[3])];
    const c_t = f * c + i * g;
    states.push({ x: x_t, i, f, g, o, c: c_t, h: o * Math.tanh(c_t) });
  }
  return states;
}

function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

class LstmPlayer extends HTMLElement {
  connectedCallback() {
    const source = document.getElementById(this.getAttribute("cells"));
    if (!source) return; // the text inside the element stays
    this.cells = JSON.parse(source.textContent);
    const names = Object.keys(this.cells);
    this.select = html("select", {}, ...names.map((name) => html("option", {}, name)));
    this.select.addEventListener("change", () => this.begin());
    this.buttons = {};
    const actions = {
      back: () => this.go(this.t - 1),
      step: () => this.go(this.t + 1),
      play: () => this.toggle(),
      restart: () => this.go(0),
    };
    for (const [name, action] of Object.entries(actions)) {
      const button = html("button", { type: "button" }, WORDS[name]);
      button.addEventListener("click", () => {
        if (name !== "play") this.pause();
        if (button.ariaDisabled !== "true") action();
      });
      this.buttons[name] = button;
    }
    this.status = html("p", { class: "status", "aria-live": "polite" });
    this.values = html("table", { "aria-label": WORDS.values });
    this.plot = svg("svg", { viewBox: "0 0 400 270", role: "img", "aria-label": WORDS.plot });
    this.replaceChildren(
      html("div", { class: "buttons" }, html("label", {}, WORDS.cell + " ", this.select)),
      html("div", { class: "buttons" }, ...Object.values(this.buttons)),
      this.status,
      html("div", { class: "panels" }, this.values, this.plot),
    );
    this.begin();
  }

  disconnectedCallback() {
    this.pause();
  }

  begin() {
    this.pause();
    this.states = run(this.cells[this.select.value]);
    this.rows = {};
    this.values.replaceChildren(...Object.keys(WORDS.rows).map((name) => this.row(name)));
    this.go(0);
  }

  // A bar runs from zero to the value; the gates' zero is on the left, else it is in the middle.
  row(name) {
    const signed = !"ifo".includes(name);
    const sizes = this.states.map((state) => Math.abs(state[name] ?? 0));
    const scale = "ch".includes(name) ? Math.max(1, ...sizes) : 1;
    const bar = html("span", { class: "bar" + (signed ? " signed" : "") }, html("span"));
    const value = html("td", { "data-value": name });
    const head = html("th", { scope: "row" }, html("i", {}, name), " " + WORDS.rows[name]);
    this.rows[name] = { bar: bar.firstChild, value, scale, signed };
    return html("tr", {}, head, html("td", { "aria-hidden": "true" }, bar), value);
  }

  go(t) {
    this.t = Math.min(Math.max(t, 0), this.states.length - 1);
    const now = this.states[this.t];
    const last = this.t === this.states.length - 1;
    if (last) this.pause();
    // Disabled in name only: a button that is really disabled loses the keyboard's focus.
    this.buttons.back.ariaDisabled = this.buttons.restart.ariaDisabled = String(this.t === 0);
    this.buttons.step.ariaDisabled = String(last);
    this.status.textContent = this.t ? WORDS.now(this.t, now) : WORDS.start(now);
    for (const [name, { bar, value, scale, signed }] of Object.entries(this.rows)) {
      const share = ((now[name] ?? 0) / scale) * (signed ? 50 : 100);
      bar.style.left = (signed ? 50 + Math.min(share, 0) : 0) + "%";
      bar.style.width = Math.abs(share) + "%";
      value.textContent = name in now ? number(now[name]) : "–";
    }
    this.draw();
  }

  toggle() {
    if (this.timer) return this.pause();
    if (this.t === this.states.length - 1) this.go(0);
    this.timer = setInterval(() => this.go(this.t + 1), BEAT);
    this.buttons.play.textContent = WORDS.pause;
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.buttons.play.textContent = WORDS.play;
  }

  draw() {
    const all = this.states.flatMap(({ c, h }) => [c, h]);
    const [low, high] = [Math.min(-1, ...all), Math.max(1, ...all)];
    const x = (t) => 34 + (t / (this.states.length - 1)) * 336;
    const y = (v) => 208 - ((v - low) / (high - low)) * 194;
    const seen = this.states.slice(0, this.t + 1);
    const ticks = [Math.floor(low), -1, 0, 1, Math.ceil(high)];
    const line = (name) => {
      const points = seen.map((state, t) => `${x(t)},${y(state[name])}`).join(" ");
      return svg("polyline", { points, class: "line " + name });
    };
    // The names at the lines' ends keep 16 apart.
    const gap = y(seen.at(-1).h) - y(seen.at(-1).c);
    const apart = (Math.max(0, 16 - Math.abs(gap)) / 2) * (gap < 0 ? -1 : 1);
    const end = (name, shift) => {
      const [cx, cy] = [x(this.t), y(seen.at(-1)[name])];
      const dot = svg("circle", { cx, cy, r: 4, class: "dot " + name });
      return [dot, svg("text", { x: cx + 8, y: cy + 5 + shift, class: "name" }, name)];
    };
    this.plot.replaceChildren(
      ...[...new Set(ticks)].flatMap((v) => [
        svg("line", { x1: 34, x2: 370, y1: y(v), y2: y(v), class: v ? "grid" : "axis" }),
        svg("text", { x: 28, y: y(v) + 5, class: "tick" }, String(v).replace("-", "−")),
      ]),
      ...this.states.slice(1).map(({ x: input }, t) => {
        const step = { x1: x(t + 1), x2: x(t + 1), y1: 246, y2: 246 - 18 * input };
        return svg("line", { ...step, class: t + 1 === this.t ? "input now" : "input" });
      }),
      svg("line", { x1: 34, x2: 370, y1: 246, y2: 246, class: "axis" }),
      svg("text", { x: 26, y: 250, class: "name tick" }, "x"),
      svg("line", { x1: x(this.t), x2: x(this.t), y1: 8, y2: 266, class: "present" }),
      line("h"),
      line("c"),
      ...end("h", apart),
      ...end("c", -apart),
    );
  }
}

// Once the whole page is there, the element's data among it.
addEventListener("DOMContentLoaded", () => customElements.define("lstm-player", LstmPlayer));
