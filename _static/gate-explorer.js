// <lstm-gate>: one gate, σ(w x + u h + b), with a slider for each of its numbers. It draws where
// the gate stands on the sigmoid and how much of a content gets through.
{
  // A translation changes these words and nothing else.
  const WORDS = {
    curve: "The sigmoid for z from -12 to 12, with a point where the gate stands",
    gate: "gate σ(z)",
    content: "content",
    passes: "passes",
    sliders: ["Input x", "State h", "Weight w on x", "Weight u on h", "Bias b", "Content"],
    presets: ["Open", "Shut", "Opens on the mark"],
  };

  // The drawing: z from -12 to 12 across, the gate upwards, and on the right two bars from a line in
  // the middle, up for positive numbers.
  const across = (z) => 135 + 10 * Math.max(-12, Math.min(12, z));
  const up = (gate) => 150 - 120 * gate;
  const barUp = (content) => 90 - 60 * content;
  const sigmoid = (z) => 1 / (1 + Math.exp(-z));

  // Once the page is read: before that the element would not yet hold the text it replaces.
  addEventListener("DOMContentLoaded", () => {
    class Gate extends Explorer {
      sliders = [
        ["x", WORDS.sliders[0], -2, 2, 0.1, 1],
        ["h", WORDS.sliders[1], -1, 1, 0.1, 0.5],
        ["w", WORDS.sliders[2], -20, 20, 0.5, 4],
        ["u", WORDS.sliders[3], -20, 20, 0.5, 2],
        ["b", WORDS.sliders[4], -10, 10, 0.5, -3],
        ["g", WORDS.sliders[5], -1, 1, 0.1, 0.8],
      ];
      presets = [
        [WORDS.presets[0], { x: 0, h: 0, w: 0, u: 0, b: 6 }],
        [WORDS.presets[1], { x: 0, h: 0, w: 0, u: 0, b: -6 }],
        [WORDS.presets[2], { x: 1, h: 0, w: 10, u: 0, b: -5 }],
      ];

      drawing() {
        const points = Array.from({ length: 97 }, (_, k) => -12 + k / 4);
        const curve = points.map((z) => `${across(z)},${up(sigmoid(z)).toFixed(1)}`).join(" ");
        return `<svg viewBox="0 0 380 190" role="img" aria-label="${WORDS.curve}">
          <g class="axes">
            <path d="M15 ${up(0)}H255M15 ${up(1)}H255M${across(0)} ${up(0)}V${up(1)}M265 90H378" />
            <text x="2" y="${up(0) + 5}">0</text><text x="2" y="${up(1) + 5}">1</text>
            <text x="${across(-10)}" y="168">−10</text><text x="${across(0)}" y="168">0</text>
            <text x="${across(10)}" y="168">10</text><text x="${across(0)}" y="186">z</text>
            <text x="${across(-7)}" y="20">${WORDS.gate}</text>
            <text x="292" y="168">${WORDS.content}</text>
            <text x="350" y="168">${WORDS.passes}</text>
          </g>
          <polyline class="curve" points="${curve}" />
          <path class="drop" /><circle class="point" r="6" />
          <rect class="content" x="277" width="30" /><rect class="passes" x="335" width="30" />
        </svg>`;
      }

      show({ x, h, w, u, b, g }) {
        const z = w * x + u * h + b;
        const gate = sigmoid(z);
        const passes = gate * g;
        this.numbers = { z, gate, passes };
        this.say(
          `z = <b data-name="z">${Explorer.signed(z, 2)}</b>, ` +
            `${WORDS.gate} = <b data-name="gate">${gate.toFixed(3)}</b>, ` +
            `${WORDS.passes} <b data-name="passes">${Explorer.signed(passes, 3)}</b>`,
        );
        this.place(".point", { cx: across(z), cy: up(gate) });
        this.place(".drop", { d: `M${across(z)} ${up(0)}V${up(gate)}` });
        this.place(".content", { y: Math.min(90, barUp(g)), height: 60 * Math.abs(g) });
        this.place(".passes", { y: Math.min(90, barUp(passes)), height: 60 * Math.abs(passes) });
      }
    }
    customElements.define("lstm-gate", Gate);
  });
}
