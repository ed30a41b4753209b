// <lstm-lab>: trains a small RNN and a small LSTM side by side, in a worker, and shows the loss, the
// gradient by lag and the gates while they learn. Attributes named like the settings choose where
// it starts: <lstm-lab class="explorer" problem="recall" length="40">.
import { DRAWINGS, drawing, gates, networks } from "./drawings.mjs";
import { WORDS } from "./words.mjs";

const DEFAULTS = {
  problem: "adding",
  network: "both",
  length: 30,
  rate: 0.01,
  forget: 1,
  input: 0,
  start: "uniform",
  scale: 1,
  units: 16,
  optimizer: "adam",
  seed: 1,
};
const CHOICES = { rate: [0.001, 0.003, 0.01, 0.03], units: [8, 16] };
// Least, most and step of the sliders.
const RANGES = {
  length: [5, 100, 5],
  forget: [-2, 6, 0.5],
  input: [-4, 4, 0.5],
  scale: [0.2, 3, 0.1],
  seed: [1, 20, 1],
};
const FIRST = ["problem", "network", "length", "rate", "forget", "input"]; // the rest is folded
const RECALL = { problem: "recall", network: "lstm", length: 60 };
const PRESETS = [
  {},
  { length: 10 },
  { start: "orthogonal", rate: 0.003 },
  { ...RECALL, forget: 1 },
  { ...RECALL, forget: 3 },
];
const BUDGET = 1000; // updates that Start adds
const STEP = 10; // updates of the button of that name

const option = ([value, words]) => `<option value="${value}">${words}</option>`;
const typed = (name, value) => (typeof DEFAULTS[name] === "number" ? Number(value) : value);

let labs = 0;

class Lab extends HTMLElement {
  connectedCallback() {
    this.key = `lstm-lab-${labs++}`;
    this.innerHTML = this.markup();
    this.find = (selector) => this.querySelector(selector);
    this.addEventListener("change", (event) => this.changed(event.target));
    this.addEventListener("input", (event) => this.showValue(event.target));
    const actions = {
      start: () => (this.running ? this.send({ pause: true }) : this.start()),
      step: () => this.send({ step: STEP }),
      reset: () => this.reset(),
    };
    for (const [name, action] of Object.entries(actions))
      this.find(`[data-do=${name}]`).addEventListener("click", action);
    this.querySelectorAll("[data-preset]").forEach((button, k) =>
      button.addEventListener("click", () => this.set({ ...DEFAULTS, ...PRESETS[k] })),
    );
    const given = Object.keys(DEFAULTS).filter((name) => this.hasAttribute(name));
    const chosen = given.map((name) => [name, typed(name, this.getAttribute(name))]);
    this.choose({ ...DEFAULTS, ...Object.fromEntries(chosen) });
    // The worker starts when the lab comes near the screen.
    const near = (seen) => {
      if (!this.worker && seen.some((entry) => entry.isIntersecting)) this.reset();
    };
    this.watch = new IntersectionObserver(near, { rootMargin: "300px" });
    this.watch.observe(this);
  }

  disconnectedCallback() {
    this.watch.disconnect();
    this.worker?.terminate();
    this.worker = null;
  }

  // Markup, in the order in which it is read.

  markup() {
    const button = (name) => `<button type="button" data-do="${name}">${WORDS[name]}</button>`;
    const presets = WORDS.presets.map((p) => `<button type="button" data-preset>${p}</button>`);
    const rest = Object.keys(DEFAULTS).filter((name) => !FIRST.includes(name));
    const settings = (names) =>
      `<div class="settings">${names.map((name) => this.control(name)).join("")}</div>`;
    return `<div class="buttons">${presets.join("")}</div>
      ${settings(FIRST)}
      <details><summary>${WORDS.more}</summary>${settings(rest)}</details>
      <div class="buttons">${["start", "step", "reset"].map(button).join("")}
        <label>${WORDS.speed} <select data-speed>${WORDS.speeds.map(option).join("")}</select></label></div>
      <div class="done"><label for="${this.key}-done">${WORDS.progress}</label>
        <progress id="${this.key}-done" max="${BUDGET}" value="0"></progress><span>0</span></div>
      <p class="result" aria-live="polite"></p>
      <div class="panels">${Object.keys(DRAWINGS).map(drawing).join("")}
        <div><table data-table="networks" aria-label="${WORDS.table.label}"></table>
          <table data-table="gates" aria-label="${WORDS.gates.table}"></table></div>
      </div>
      <p class="note">${WORDS.note}</p>`;
  }

  control(name) {
    const id = `${this.key}-${name}`;
    const label = `<label for="${id}">${WORDS.settings[name]}</label>`;
    if (RANGES[name]) {
      const [least, most, step] = RANGES[name];
      const range = `min="${least}" max="${most}" step="${step}"`;
      return `${label}<input type="range" id="${id}" name="${name}" ${range}>
        <output for="${id}" aria-live="off"></output>`;
    }
    const values = CHOICES[name]?.map((value) => [value, value]);
    const options = (values ?? Object.entries(WORDS.options[name])).map(option);
    return `${label}<select id="${id}" name="${name}">${options.join("")}</select>`;
  }

  // Settings.

  choose(values) {
    for (const [name, value] of Object.entries(values)) {
      const control = this.find(`[name=${name}]`);
      control.value = value;
      this.showValue(control);
    }
  }

  showValue(control) {
    if (control.type !== "range") return;
    const digits = control.step.split(".")[1]?.length ?? 0;
    control.nextElementSibling.value = control.valueAsNumber.toFixed(digits).replace("-", "−");
  }

  read() {
    const names = Object.keys(DEFAULTS);
    const values = names.map((name) => [name, typed(name, this.find(`[name=${name}]`).value)]);
    const settings = Object.fromEntries(values);
    const layers = settings.network === "both" ? ["rnn", "lstm"] : [settings.network];
    return { ...settings, layers };
  }

  changed(control) {
    if (control.name) this.reset();
    else if (control.matches("[data-speed]") && this.running) this.run();
  }

  set(values) {
    this.choose(values);
    this.reset();
  }

  // The worker. What it says of a run that was reset comes late and is not shown.

  hire() {
    const worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => data.id === this.runId && this.show(data);
    worker.onerror = () => this.say(WORDS.said.broken);
    return worker;
  }

  send(message) {
    if (!this.worker) this.reset();
    this.worker.postMessage(message);
  }

  reset() {
    this.worker ??= this.hire();
    this.settings = this.read();
    this.runId = (this.runId ?? 0) + 1;
    Object.assign(this, { first: null, last: null, until: 0, told: {} });
    this.showRunning(false);
    this.send({ set: this.settings, id: this.runId });
    this.say(WORDS.said.ready);
  }

  start() {
    const update = this.last?.update ?? 0;
    if (update >= this.until) this.until = BUDGET * (1 + Math.floor(update / BUDGET));
    this.run();
    this.say(WORDS.said.running);
  }

  run() {
    const perSecond = Number(this.find("[data-speed]").value);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.send({ run: { perSecond, until: this.until, every: calm ? 1000 : 100 } });
    this.showRunning(true);
  }

  showRunning(running) {
    this.running = running;
    this.find("[data-do=start]").textContent = running ? WORDS.pause : WORDS.start;
  }

  // What a snapshot shows.

  show(now) {
    const was = this.running;
    this.first ??= now;
    this.last = now;
    this.showRunning(now.running);
    const most = Math.max(BUDGET, BUDGET * Math.ceil(now.update / BUDGET));
    Object.assign(this.find("progress"), { max: most, value: now.update });
    this.find(".done span").textContent = now.update;
    for (const [name, { show }] of Object.entries(DRAWINGS))
      show(this.find(`[data-drawing=${name}]`), now, this.first, this.settings, most);
    for (const [name, rows] of Object.entries({ networks, gates })) {
      const table = this.find(`[data-table=${name}]`);
      table.innerHTML = rows(now, this.first);
      table.hidden = !table.innerHTML;
    }
    this.tell(now, was);
  }

  // Each piece of news once, so that a screen reader says no more than that.
  tell({ runs, running, update }, was) {
    const { said, layers } = WORDS;
    const news = [];
    for (const { layer, solved, failed } of runs) {
      const words = failed
        ? said.failed(layers[layer])
        : solved && said.solved(layers[layer], solved);
      if (words && this.told[layer] !== words) news.push(words);
      this.told[layer] = words;
    }
    if (was && !running) news.push(update >= this.until ? said.done(update) : said.paused(update));
    if (news.length) this.say(news.join(" "));
  }

  say(words) {
    const place = this.find(".result");
    if (place.textContent !== words) place.textContent = words;
  }
}

customElements.define("lstm-lab", Lab);
