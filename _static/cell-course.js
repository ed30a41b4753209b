// The plot below the living cell: forward the states after each step, with the input below them;
// backward the two parts of the gradient.
{
  const WORDS = {
    forward:
      "Cell state c, solid, and hidden state h, dashed, after each step so far; below them the input x",
    backward:
      "The gradient of the cell state after each step: the carousel, solid, and the gate paths, dashed",
    c: "c",
    h: "h",
    carousel: "carousel",
    gates: "gate paths",
  };
  const [LEFT, TOP, BOTTOM, INPUT, HEIGHT] = [40, 12, 116, 150, 172];
  const NAME = 76; // room for a name at a line's end

  function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  const nice = (value) => String(Number(value.toPrecision(2))).replace("-", "−");

  globalThis.CellCourse = class {
    constructor() {
      this.element = svg("svg", { class: "course", role: "img" });
    }

    draw({ steps, gradients, unit, backward, t }) {
      const T = steps.length;
      const lines = backward ? this.parts(gradients, unit, T) : this.states(steps, unit);
      const values = lines.flatMap(([, line]) => line).concat(0);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      // As wide as it is shown, so that its letters keep their size on a phone.
      const width = Math.max(280, Math.min(640, this.element.clientWidth || 640));
      this.right = width - NAME;
      this.element.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      this.x = (k) => LEFT + (k / T) * (this.right - LEFT);
      this.y = (v) => BOTTOM - ((v - low) / (high - low || 1)) * (BOTTOM - TOP);
      const [first, last] = backward ? [T - t, T] : [0, t];
      const now = backward ? first : last;
      const ends = lines.map(([, line]) => this.y(line[now]));
      const nudge = Math.max(0, 16 - Math.abs(ends[0] - ends[1])) / 2;
      const sign = ends[0] > ends[1] ? 1 : -1;
      this.element.setAttribute("aria-label", backward ? WORDS.backward : WORDS.forward);
      this.element.replaceChildren(
        ...[...new Set([low, 0, high])].flatMap((v) => this.level(v)),
        ...this.inputs(steps, t, backward),
        svg("line", { class: "present", x1: this.x(now), x2: this.x(now), y1: 4, y2: HEIGHT - 4 }),
        ...lines.flatMap(([name, line], k) => {
          const points = line
            .slice(first, last + 1)
            .map((v, j) => `${this.x(first + j)},${this.y(v)}`);
          return [
            svg("polyline", { class: `line ${name}`, points: points.join(" ") }),
            svg("circle", { class: `dot ${name}`, cx: this.x(now), cy: ends[k], r: 4 }),
            this.name(name, now, ends[k] + 5 + (k ? -sign : sign) * nudge, backward),
          ];
        }),
      );
    }

    states(steps, unit) {
      return ["c", "h"].map((name) => [name, [0, ...steps.map((step) => step[name][unit])]]);
    }

    // After which step what of the gradient arrives: 0, before the first, to T.
    parts(gradients, unit, T) {
      return ["carousel", "gates"].map((name) => {
        const arrived = gradients.map((back) => back[name][unit]);
        return [name, [gradients[T - 1][`${name}_prev`][unit], ...arrived.reverse()]];
      });
    }

    name(name, at, y, backward) {
      const left = backward && this.x(at) > LEFT + NAME; // backward the line lies to the right
      const place = left ? { x: this.x(at) - 8, "text-anchor": "end" } : { x: this.x(at) + 8 };
      return svg("text", { class: `name ${name}`, ...place, y }, WORDS[name]);
    }

    level(v) {
      const [y, kind] = [this.y(v), v ? "grid" : "axis"];
      return [
        svg("line", { class: kind, x1: LEFT, x2: this.right, y1: y, y2: y }),
        svg("text", { class: "tick", x: LEFT - 6, y: y + 5 }, nice(v)),
      ];
    }

    inputs(steps, t, backward) {
      const T = steps.length;
      const width = Math.min(12, (this.right - LEFT) / T / 1.6);
      const most = Math.max(1, ...steps.flatMap(({ x }) => x.map(Math.abs)));
      const bars = steps.flatMap(({ x }, k) =>
        x.map((value, j) => {
          const at = this.x(k + 1) + (j - (x.length - 1) / 2) * width;
          const read = (backward ? T - t : t - 1) === k;
          const place = { x1: at, x2: at, y1: INPUT, y2: INPUT - (16 * value) / most };
          const kind = `input ${read ? "now" : ""} ${j ? "second" : ""}`;
          return svg("line", { class: kind, "stroke-width": width * 0.8, ...place });
        }),
      );
      const axis = svg("line", { class: "axis", x1: LEFT, x2: this.right, y1: INPUT, y2: INPUT });
      return [...bars, axis, svg("text", { class: "tick name", x: LEFT - 6, y: INPUT + 5 }, "x")];
    }
  };
}
