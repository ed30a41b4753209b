// <lstm-clip>: a gradient of two entries, clipped by norm and by value, side by side.
{
  // A translation changes these words and nothing else.
  const WORDS = {
    drawing:
      "Two planes with the gradient as a dashed arrow. Left, clipped by norm, the solid arrow lies on the dashed one and ends within a circle. Right, clipped by value, it ends within a square",
    norm: "By norm",
    value: "By value",
    length: "Length",
    said: (name, vector, angle) => `${name}: ${vector}, turned by ${angle}.`,
    nowhere: "no angle, for zero has no direction",
    sliders: ["First entry", "Second entry", "Threshold θ"],
    presets: ["One entry is large", "Equal entries", "Below the threshold"],
  };

  const UNIT = 17; // a unit of the gradient, drawn
  const MIDDLES = { norm: 95, value: 285 };

  // As torch.nn.utils.clip_grad_norm_ and clip_grad_value_ do it.
  function clip(g, threshold) {
    const factor = Math.min(1, threshold / (Math.hypot(...g) + 1e-6));
    return {
      norm: g.map((entry) => factor * entry),
      value: g.map((entry) => Math.max(-threshold, Math.min(threshold, entry))),
    };
  }

  // In degrees. The plainer arccos would lose half the digits of a small angle.
  function angle(a, b) {
    const [p, q] = [a, b].map((v) => v.map((entry) => entry / Math.hypot(...v)));
    const apart = Math.hypot(p[0] - q[0], p[1] - q[1]);
    return (360 / Math.PI) * Math.atan2(apart, Math.hypot(p[0] + q[0], p[1] + q[1]));
  }

  function arrow(middle, [x, y]) {
    const length = Math.hypot(x, y) || 1;
    const [tipX, tipY] = [middle + UNIT * x, 115 - UNIT * y];
    const head = (side) =>
      `L${tipX - (8 * x - side * 5 * y) / length} ${tipY + (8 * y + side * 5 * x) / length}`;
    const tip = `${tipX} ${tipY}`;
    return `M${middle} 115L${tip}${x || y ? head(1) + `M${tip}` + head(-1) : ""}`;
  }

  addEventListener("DOMContentLoaded", () => {
    class Clip extends Explorer {
      sliders = [
        ["x", WORDS.sliders[0], -5, 5, 0.1, 3],
        ["y", WORDS.sliders[1], -5, 5, 0.1, 4],
        ["threshold", WORDS.sliders[2], 0.5, 5, 0.1, 1],
      ];
      presets = [
        [WORDS.presets[0], { x: 5, y: 0.5, threshold: 0.5 }],
        [WORDS.presets[1], { x: 4, y: 4, threshold: 1 }],
        [WORDS.presets[2], { x: 1, y: -1.5, threshold: 2 }],
      ];

      drawing() {
        const plane = (name, shape) => {
          const x = MIDDLES[name];
          return `<g><text x="${x}" y="16">${WORDS[name]}</text>
            <path class="axes" d="M${x - 88} 115H${x + 88}M${x} 27V203" />
            <${shape} class="bound ${name}" />
            <path class="given ${name}" /><path class="clipped ${name}" /></g>`;
        };
        return `<svg viewBox="0 0 380 210" role="img" aria-label="${WORDS.drawing}">
          ${plane("norm", "circle")}${plane("value", "rect")}</svg>`;
      }

      show({ x, y, threshold }) {
        const g = [x, y];
        const side = UNIT * threshold;
        this.place(".bound.norm", { cx: MIDDLES.norm, cy: 115, r: side });
        const corner = { x: MIDDLES.value - side, y: 115 - side };
        this.place(".bound.value", { ...corner, width: 2 * side, height: 2 * side });
        const length = Math.hypot(...g);
        this.numbers = { length };
        const said = Object.entries(clip(g, threshold)).map(([name, clipped]) => {
          const turned = length ? angle(clipped, g) : NaN;
          this.numbers[name] = { clipped, turned };
          this.place(`.given.${name}`, { d: arrow(MIDDLES[name], g) });
          this.place(`.clipped.${name}`, { d: arrow(MIDDLES[name], clipped) });
          const entries = clipped.map((entry) => Explorer.signed(entry, 2)).join(", ");
          const vector = `<b data-name="${name}">(${entries})</b>`;
          const degrees = `<b data-name="${name}-turned">${Explorer.signed(turned, 1)}°</b>`;
          return WORDS.said(WORDS[name], vector, length ? degrees : WORDS.nowhere);
        });
        this.say(`${WORDS.length}: <b data-name="length">${length.toFixed(2)}</b>.<br>${said.join("<br>")}`);
      }
    }
    customElements.define("lstm-clip", Clip);
  });
}
