// <lstm-cell preset="counter" step="3" view="backward" compact challenge>: the drawing of the LSTM's
// cell, alive. All attributes may be left out; compact leaves out the plot and the weights, and
// challenge begins with the challenge. The build puts the drawing into the element
// (_ext/drawings.py), and without scripts it stands there. The arithmetic is in cell-math.js, the
// presets in cell-presets.js, the sums in cell-sums.js, the plot below the drawing in cell-course.js,
// the weights and the challenge in cell-editor.js.
{
  // A translation changes these words, and those of the other files, and nothing else.
  const WORDS = {
    cell: "Cell",
    presets: {
      counter: "Counter",
      latch: "Latch",
      leaky: "Leaky average",
      adder: "Trained adder",
      empty: "All weights 0",
    },
    own: "Your own",
    forward: "Forward",
    backward: "Gradient back",
    way: "Direction",
    unit: "Unit shown",
    loss: "The loss is",
    lossIs: { c: "the last c", h: "the last h" },
    restart: "Start over",
    back: "Back",
    step: "Step",
    play: "Play",
    pause: "Pause",
    at: "Step of the sequence",
    of: (t, T) => `${t} of ${T}`,
    speed: "Speed",
    speeds: { slow: "slow", normal: "normal", fast: "fast" },
  };
  const BEATS = { slow: 2400, normal: 1200, fast: 400 }; // milliseconds a step

  // Which number stands on a wire, forward and backward. Wires without a place for a number follow
  // another's width.
  const FORWARD = "c_prev kept c f i g o added tanh_c h h_prev x".split(" ");
  const BACKWARD = {
    ...{ c: "carousel_in", c_rest: "gates_in", c_prev: "carousel_prev", c_prev_rest: "gates_prev" },
    ...{ f: "df", i: "di", g: "dg", o: "do", added: "dc", kept: "carousel", kept_rest: "gates" },
    ...{ tanh_c: "shown", shown: "via", h: "dh", h_prev: "dh_prev", x: "dx" },
  };
  const UNNUMBERED = new Set(["shown", "kept", "kept_rest", "added", "tanh_c"]); // while backward
  const READS = ["read_f", "read_i", "read_g"];

  const html = (...parts) => Explorer.html(...parts);

  let count = 0;

  class LivingCell extends HTMLElement {
    connectedCallback() {
      this.drawing ??= this.querySelector(".drawing");
      if (!this.drawing || this.made) return;
      this.made = true;
      this.id ||= `lstm-cell-${count++}`;
      this.classList.add("explorer");
      this.make();
      const asked = this.getAttribute("preset") ?? "counter";
      this.load(asked in CELL_PRESETS ? asked : "counter");
      this.turn(this.getAttribute("view") === "backward");
      this.go(Number(this.getAttribute("step") ?? 1));
    }

    disconnectedCallback() {
      this.pause();
    }

    // The parts of the page, once.
    make() {
      const select = (label, options, change) => {
        const box = html(
          "select",
          {},
          ...options.map(([value, text]) => html("option", { value }, text)),
        );
        box.addEventListener("change", () => change(box.value));
        return { box, label: html("label", {}, label + " ", box) };
      };
      const button = (text, action, attributes = {}) => {
        const made = html("button", { type: "button", ...attributes }, text);
        made.addEventListener("click", () => made.ariaDisabled !== "true" && action());
        return made;
      };
      this.preset = select(
        WORDS.cell,
        Object.entries({ ...WORDS.presets, own: WORDS.own }),
        (name) => this.load(name),
      );
      this.preset.box.lastChild.hidden = true; // until the weights are edited
      this.unitShown = select(
        WORDS.unit,
        [
          [0, "1"],
          [1, "2"],
        ],
        (unit) => this.show(Number(unit)),
      );
      this.lossIs = select(WORDS.loss, Object.entries(WORDS.lossIs), () => this.compute());
      this.ways = [
        button(WORDS.forward, () => this.turn(false)),
        button(WORDS.backward, () => this.turn(true)),
      ];
      this.buttons = {
        restart: button(WORDS.restart, () => this.jump(0)),
        back: button(WORDS.back, () => this.jump(this.t - 1)),
        play: button(WORDS.play, () => this.toggle()),
        step: button(WORDS.step, () => this.jump(this.t + 1)),
      };
      this.speed = select(
        WORDS.speed,
        Object.entries(WORDS.speeds),
        () => this.timer && this.start(),
      );
      this.speed.box.value = "normal";
      this.slider = html("input", { type: "range", min: 0, step: 1, "aria-label": WORDS.at });
      this.slider.addEventListener("input", () => this.jump(this.slider.valueAsNumber));
      this.place = html("output", { "aria-live": "off" });
      this.sums = html("div", { class: "sums", "aria-hidden": "true" });
      this.status = html("p", { class: "visually-hidden", "aria-live": "polite" });
      this.course = new CellCourse();
      new ResizeObserver(() => this.steps && this.course.draw(this)).observe(this.course.element);
      this.editor = new CellEditor(
        this.id,
        (cell) => this.edit(cell),
        (name) => this.load(name),
      );
      const way = html(
        "div",
        { class: "ways", role: "group", "aria-label": WORDS.way },
        ...this.ways,
      );
      const { preset, unitShown, lossIs, speed } = this;
      this.replaceChildren(
        html("div", { class: "buttons" }, preset.label, way, unitShown.label, lossIs.label),
        this.drawing,
        this.sums,
        this.status,
        html("div", { class: "buttons transport" }, ...Object.values(this.buttons), speed.label),
        html("div", { class: "scrub" }, this.slider, this.place),
        ...(this.hasAttribute("compact") ? [] : [this.course.element, this.editor.element]),
      );
      if (this.hasAttribute("challenge")) this.editor.begin();
    }

    // Take a preset, or what the reader has entered.
    load(name) {
      this.preset.box.value = name;
      this.cell = structuredClone(name === "own" ? this.own : CELL_PRESETS[name]);
      this.editor.fill(this.cell);
      this.show(0, false);
      this.t = Math.min(this.t ?? 0, 1);
      this.compute();
    }

    edit(cell) {
      this.pause();
      this.preset.box.lastChild.hidden = false;
      this.preset.box.value = "own";
      this.own = this.cell = cell;
      this.show(Math.min(this.unit, cell.W_hh[0].length - 1), false);
      this.compute();
    }

    show(unit, draw = true) {
      this.unit = unit;
      this.unitShown.box.value = unit;
      this.unitShown.label.hidden = this.cell.W_hh[0].length < 2;
      this.editor.show(unit);
      if (draw) this.compute();
    }

    turn(backward) {
      this.pause();
      this.backward = backward;
      this.ways.forEach((way, k) =>
        way.setAttribute("aria-pressed", String(backward === Boolean(k))),
      );
      this.lossIs.label.hidden = !backward;
      this.drawing.querySelectorAll("svg > g").forEach((group) => {
        group.setAttribute("class", backward ? "backward" : "forward");
      });
      this.t = backward ? 1 : this.steps.length;
      this.compute();
    }

    compute() {
      this.steps = LstmMath.run(this.cell.x, this.cell);
      this.gradients = LstmMath.runBackward(
        this.steps,
        this.cell,
        this.unit,
        this.lossIs.box.value,
      );
      this.slider.max = this.steps.length;
      this.go(this.t);
    }

    jump(t) {
      this.pause();
      this.go(t);
    }

    // After t steps, forward or backward.
    go(t) {
      const T = this.steps.length;
      this.t = Math.min(Math.max(t, 0), T);
      if (this.t === T) this.pause();
      // Disabled in name only: a button that is really disabled loses the keyboard's focus.
      this.buttons.back.ariaDisabled = this.buttons.restart.ariaDisabled = String(this.t === 0);
      this.buttons.step.ariaDisabled = String(this.t === T);
      const step = this.backward ? T - this.t + 1 : this.t;
      this.now = this.t ? { ...this.steps[step - 1], ...this.gradients[T - step] } : null;
      this.slider.value = this.t;
      this.place.value = WORDS.of(this.backward && this.t ? step : this.t, T);
      this.slider.setAttribute("aria-valuetext", this.place.value);
      this.write();
      this.say(step);
      this.course.draw(this);
    }

    // Numbers and widths of the wires.
    write() {
      const values = this.values();
      this.drawing.querySelectorAll("[data-value]").forEach((text) => {
        const name = text.dataset.value;
        const number = this.backward && UNNUMBERED.has(name) ? undefined : values[name];
        text.textContent =
          number === undefined ? "" : [number].flat().map(CellSums.short).join(", ");
      });
      const most = Math.max(...this.steps.map((s) => Math.abs(s.c[this.unit]))) || 1;
      this.drawing.querySelectorAll("[data-wire]").forEach((wire) => {
        const name = wire.dataset.wire;
        const value =
          values[name] ?? (READS.includes(name) ? values.h_prev : name === "shown" ? values.c : 0);
        const size = Math.max(...[value ?? 0].flat().map(Math.abs));
        const state = !this.backward && ["c", "c_prev", "kept", "shown", "added"].includes(name);
        const share = Math.min(1.2, state ? size / most : size);
        const least = wire.classList.contains("state") ? 2 : 1;
        wire.style.strokeWidth = (least + (this.now ? 6 * share : 0)).toFixed(2);
      });
    }

    // The numbers of the unit that is shown, by wire; of x and h_prev all.
    values() {
      const { now, unit } = this;
      if (!now) return {};
      if (!this.backward) {
        const all = new Set(["x", "h_prev"]);
        return Object.fromEntries(
          FORWARD.map((name) => [name, all.has(name) ? now[name] : now[name][unit]]),
        );
      }
      const back = Object.entries(BACKWARD).map(([wire, name]) => {
        return [wire, name === "dx" || name === "dh_prev" ? now[name] : now[name][unit]];
      });
      const H = now.h.length;
      const reads = READS.map((name) => [name, now.dz["ifg".indexOf(name.at(-1)) * H + unit]]);
      return Object.fromEntries([...back, ...reads]);
    }

    // The step with its numbers, as sums for the eye and in words for the ear.
    say(t) {
      const { sums, words } = CellSums.of(this, t);
      this.sums.innerHTML = sums;
      this.status.textContent = words;
    }

    toggle() {
      if (this.timer) return this.pause();
      if (this.t === this.steps.length) this.go(0);
      this.start();
    }

    start() {
      clearInterval(this.timer);
      const speed = this.speed.box.value;
      this.status.ariaLive = speed === "fast" ? "off" : "polite"; // nobody can read that fast
      this.timer = setInterval(() => this.go(this.t + 1), BEATS[speed]);
      this.buttons.play.textContent = WORDS.pause;
    }

    pause() {
      clearInterval(this.timer);
      this.timer = null;
      if (this.status) this.status.ariaLive = "polite";
      if (this.buttons) this.buttons.play.textContent = WORDS.play;
    }
  }

  // Once the whole page is there, the element's drawing among it.
  addEventListener("DOMContentLoaded", () => customElements.define("lstm-cell", LivingCell));
}
