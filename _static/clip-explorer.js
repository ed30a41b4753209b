// <lstm-clip>: a gradient of two entries, clipped by norm and by value, side by side. The tips of
// the arrows and the edges of the bounds can be dragged; the ones on the left by keyboard too.
{
  // A translation changes these words and nothing else.
  const WORDS = {
    drawing:
      "Two planes with the gradient as a dashed arrow. Left, clipped by norm, the solid arrow lies on the dashed one and ends within a circle. Right, clipped by value, it ends within a square",
    gradient: "gradient",
    clipped: "clipped",
    tip: "Gradient: arrow keys move its tip",
    edge: "Threshold",
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
  // What an arrow key adds to the first and the second entry; with Shift it is ten times as much.
  const KEYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

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
        [WORDS.presets[0], { x: 5, y: 1, threshold: 1 }],
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
        // The handles stand beside the picture: what is a picture has no parts for a screen reader.
        const handle = (what, name, most) => {
          const slider = `tabindex="0" role="slider" aria-label="${WORDS[what]}" aria-valuemin="${-most}"
            aria-valuemax="${most}" aria-valuenow="0"`;
          const named = name === "norm" ? slider : 'aria-hidden="true"';
          return `<g class="handle ${what} ${name}" ${named}><circle r="14" class="reach" /><circle r="6" /></g>`;
        };
        const handles = ["norm", "value"].map(
          (name) => handle("edge", name, 5) + handle("tip", name, 5),
        );
        return `<svg viewBox="0 0 380 230">
          <g role="img" aria-label="${WORDS.drawing}">
            ${plane("norm", "circle")}${plane("value", "rect")}
            <path class="given" d="M90 222h28" /><text class="legend" x="124" y="227">${WORDS.gradient}</text>
            <path class="clipped" d="M210 222h28" /><text class="legend" x="244" y="227">${WORDS.clipped}</text>
          </g>${handles.join("")}</svg>`;
      }

      connectedCallback() {
        super.connectedCallback();
        this.addEventListener("pointerdown", (event) => this.drag(event));
        this.addEventListener("keydown", (event) => this.key(event));
      }

      // A handle follows the pointer from where it was seized until it is let go.
      drag(event) {
        const handle = event.target.closest(".handle");
        if (!handle) return;
        event.preventDefault();
        handle.focus();
        handle.setPointerCapture(event.pointerId);
        const middle = MIDDLES[handle.classList.contains("norm") ? "norm" : "value"];
        const toDrawing = this.querySelector("svg").getScreenCTM().inverse();
        handle.onpointermove = ({ clientX, clientY }) => {
          const at = new DOMPoint(clientX, clientY).matrixTransform(toDrawing);
          const [x, y] = [(at.x - middle) / UNIT, (115 - at.y) / UNIT];
          this.set(handle.classList.contains("tip") ? { x, y } : { threshold: -x });
        };
        handle.onpointerup = handle.onpointercancel = () => (handle.onpointermove = null);
      }

      key(event) {
        const move = KEYS[event.key];
        if (!move || !event.target.matches(".handle")) return;
        event.preventDefault();
        const [right, upwards] = move.map((step) => step * (event.shiftKey ? 1 : 0.1));
        const { x, y, threshold } = this.values;
        const tip = { x: x + right, y: y + upwards };
        this.set(event.target.matches(".tip") ? tip : { threshold: threshold + right + upwards });
      }

      // Where the handles are, and what they say to a screen reader.
      placeHandles({ x, y, threshold }) {
        const at = { tip: [x, y], edge: [-threshold, 0] };
        for (const [name, middle] of Object.entries(MIDDLES))
          for (const [what, [right, upwards]] of Object.entries(at)) {
            const place = `${middle + UNIT * right} ${115 - UNIT * upwards}`;
            this.place(`.${what}.${name}`, { transform: `translate(${place})` });
          }
        const said = [x, y].map((entry) => Explorer.signed(entry, 1)).join(", ");
        this.place(".tip.norm", { "aria-valuenow": x, "aria-valuetext": said });
        this.place(".edge.norm", { "aria-valuenow": threshold });
      }

      show({ x, y, threshold }) {
        this.values = { x, y, threshold };
        this.placeHandles(this.values);
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
        this.say(
          `${WORDS.length}: <b data-name="length">${length.toFixed(2)}</b>.<br>${said.join("<br>")}`,
        );
      }
    }
    customElements.define("lstm-clip", Clip);
  });
}
