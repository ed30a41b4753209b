// <lstm-gate>: one gate of the drawing, alive, with a slider for each of its numbers. The build puts
// the drawing into the element (_ext/drawings.py), and without scripts it stands there.
{
  // A translation changes these words and nothing else.
  const WORDS = {
    sum: "z",
    gate: "gate",
    passes: "passes",
    sliders: [
      "Input x",
      "Hidden state h",
      "Weight W of x",
      "Weight U of h",
      "Bias b",
      "Candidate g",
    ],
    presets: ["Open", "Shut", "Opens on the mark", "Take the mark away"],
  };
  const Z_MOST = 8; // where the drawn curve ends

  // Once the page is read: before that the element would not yet hold its drawing.
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
        [WORDS.presets[0], { w: 0, u: 0, b: 6 }],
        [WORDS.presets[1], { w: 0, u: 0, b: -6 }],
        [WORDS.presets[2], { x: 1, h: 0, w: 10, u: 0, b: -5 }],
        [WORDS.presets[3], { x: 0 }],
      ];

      connectedCallback() {
        this.classList.add("explorer");
        if (this.querySelector(".drawing")) super.connectedCallback();
      }

      drawing() {
        return this.querySelector(".drawing").outerHTML;
      }

      show({ x, h, w, u, b, g }) {
        const z = w * x + u * h + b;
        const gate = LstmMath.sigmoid(z);
        const passes = gate * g;
        this.numbers = { z, gate, passes };
        const shown = { x: w * x, h: u * h, b, z, gate, content: g, passes };
        for (const [name, value] of Object.entries(shown)) {
          this.querySelector(`[data-value=${name}]`).textContent = Explorer.signed(value, 2);
          const width = 1 + 7 * Math.min(1, Math.abs(value) / ("xhbz".includes(name) ? Z_MOST : 1));
          this.querySelector(`[data-wire=${name}]`).style.strokeWidth = width.toFixed(2);
        }
        const box = this.querySelector(".curve").getBBox();
        const across = 0.5 + Math.max(-Z_MOST, Math.min(Z_MOST, z)) / (2 * Z_MOST);
        this.place(".point", {
          cx: box.x + across * box.width,
          cy: box.y + (1 - gate) * box.height,
        });
        this.say(
          `${WORDS.sum} = <b data-name="z">${Explorer.signed(z, 2)}</b>, ` +
            `${WORDS.gate} = σ(${WORDS.sum}) = <b class="input" data-name="gate">${gate.toFixed(3)}</b>, ` +
            `${WORDS.passes} <b class="cell" data-name="passes">${Explorer.signed(passes, 3)}</b>`,
        );
      }
    }
    customElements.define("lstm-gate", Gate);
  });
}
