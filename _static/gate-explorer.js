// <lstm-gate>: one gate, σ(w x + u h + b), with a slider for each of its numbers. It draws where
// the gate stands on the sigmoid and how much of a content gets through.
{
  // A translation changes these words and nothing else.
  const WORDS = {
    curve: "The sigmoid for z from -12 to 12, with a point where the gate stands",
    gate: "gate σ(z)",
    content: "content",
    passes: "passes",
    reset: "Reset",
  };
  // name, label, least, most, step, value at the start
  const SLIDERS = [
    ["x", "Input x", -2, 2, 0.1, 1],
    ["h", "State h", -1, 1, 0.1, 0.5],
    ["w", "Weight w on x", -20, 20, 0.5, 4],
    ["u", "Weight u on h", -20, 20, 0.5, 2],
    ["b", "Bias b", -10, 10, 0.5, -3],
    ["g", "Content", -1, 1, 0.1, 0.8],
  ];
  const PRESETS = [
    ["Open", { x: 0, h: 0, w: 0, u: 0, b: 6 }],
    ["Shut", { x: 0, h: 0, w: 0, u: 0, b: -6 }],
    ["Opens on the mark", { x: 1, h: 0, w: 10, u: 0, b: -5 }],
  ];

  // The drawing: z from -12 to 12 across, the gate upwards, and on the right two bars from a line in
  // the middle, up for positive numbers.
  const across = (z) => 135 + 10 * Math.max(-12, Math.min(12, z));
  const up = (gate) => 150 - 120 * gate;
  const barUp = (content) => 90 - 60 * content;
  const sigmoid = (z) => 1 / (1 + Math.exp(-z));
  // With a true minus sign, and none before zero.
  const signed = (number, digits) =>
    number.toFixed(digits).replace(/^-(?=[0.]*$)/, "").replace("-", "−");

  function drawing() {
    const points = Array.from({ length: 97 }, (_, k) => -12 + k / 4);
    const curve = points.map((z) => `${across(z)},${up(sigmoid(z)).toFixed(1)}`).join(" ");
    return `<svg viewBox="0 0 380 190" role="img" aria-label="${WORDS.curve}">
      <g class="axes">
        <path d="M15 ${up(0)}H255M15 ${up(1)}H255M${across(0)} ${up(0)}V${up(1)}M265 90H378" />
        <text x="2" y="${up(0) + 5}">0</text><text x="2" y="${up(1) + 5}">1</text>
        <text x="${across(-10)}" y="168">−10</text><text x="${across(0)}" y="168">0</text>
        <text x="${across(10)}" y="168">10</text><text x="${across(0)}" y="186">z</text>
        <text x="${across(-7)}" y="20">${WORDS.gate}</text>
        <text x="292" y="168">${WORDS.content}</text><text x="350" y="168">${WORDS.passes}</text>
      </g>
      <polyline class="curve" points="${curve}" />
      <path class="drop" /><circle class="point" r="6" />
      <rect class="content" x="277" width="30" /><rect class="passes" x="335" width="30" />
    </svg>`;
  }

  function slider([name, label, least, most, step], number) {
    const id = `lstm-gate-${number}-${name}`;
    return `<label for="${id}">${label}</label>
      <input type="range" id="${id}" name="${name}" min="${least}" max="${most}" step="${step}">
      <output for="${id}" aria-live="off"></output>`;
  }

  let gates = 0;
  class Gate extends HTMLElement {
    connectedCallback() {
      const number = gates++;
      const buttons = [...PRESETS.map(([name]) => name), WORDS.reset];
      this.innerHTML = `${drawing()}
        <p class="result" aria-live="polite"></p>
        <div class="buttons">${buttons.map((b) => `<button type="button">${b}</button>`).join("")}</div>
        <div class="controls">${SLIDERS.map((s) => slider(s, number)).join("")}</div>`;
      const start = Object.fromEntries(SLIDERS.map((s) => [s[0], s[5]]));
      const moves = [...PRESETS.map(([, values]) => values), start];
      this.querySelectorAll("button").forEach((button, k) =>
        button.addEventListener("click", () => this.set(moves[k])),
      );
      this.addEventListener("input", () => this.show());
      this.set(start);
    }

    set(values) {
      for (const [name, value] of Object.entries(values)) this.slider(name).value = value;
      this.show();
    }

    slider(name) {
      return this.querySelector(`input[name=${name}]`);
    }

    show() {
      const { x, h, w, u, b, g } = Object.fromEntries(
        SLIDERS.map(([name]) => [name, this.slider(name).valueAsNumber]),
      );
      const z = w * x + u * h + b;
      const gate = sigmoid(z);
      for (const input of this.querySelectorAll("input"))
        input.nextElementSibling.value = signed(input.valueAsNumber, 1);
      this.querySelector(".result").innerHTML =
        `z = <b data-name="z">${signed(z, 2)}</b>, ` +
        `${WORDS.gate} = <b data-name="gate">${gate.toFixed(3)}</b>, ` +
        `${WORDS.passes} <b data-name="passes">${signed(gate * g, 3)}</b>`;
      this.place(".point", { cx: across(z), cy: up(gate) });
      this.place(".drop", { d: `M${across(z)} ${up(0)}V${up(gate)}` });
      this.place(".content", { y: Math.min(90, barUp(g)), height: 60 * Math.abs(g) });
      this.place(".passes", { y: Math.min(90, barUp(gate * g)), height: 60 * gate * Math.abs(g) });
    }

    place(selector, attributes) {
      const shape = this.querySelector(selector);
      for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    }
  }

  // Once the page is read: before that the element would not yet hold the text it replaces.
  addEventListener("DOMContentLoaded", () => customElements.define("lstm-gate", Gate));
}
