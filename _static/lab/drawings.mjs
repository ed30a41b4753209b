// The three drawings and two tables of the gradient lab: what they look like empty, and how they
// show a snapshot of the worker's beside the first one.
import { PROBLEMS } from "./problems.mjs";
import { WORDS } from "./words.mjs";

// Every drawing is 360 wide, its axes from (46, 12) to (350, 190). Shares of them go from 0 to 1.
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 350, 12, 190];
const across = (share) => LEFT + (RIGHT - LEFT) * share;
const upwards = (share) => BOTTOM - (BOTTOM - TOP) * Math.min(1, Math.max(0, share));

const LAYERS = ["rnn", "lstm"];
const HIGHEST_LOSS = 1.6; // in errors of the best constant answer
const [FLOOR, CEILING] = [-14, 2]; // powers of ten shown of the gradient
const ofPower = (log) => (log - FLOOR) / (CEILING - FLOOR);

const text = (x, y, words, kind = "") => `<text x="${x}" y="${y}" class="${kind}">${words}</text>`;
const tick = (share, words) => text(LEFT - 6, upwards(share) + 5, words, "tick");
const below = (share, words) => text(across(share), 208, words);
const level = (...shares) => shares.map((y) => `M${LEFT} ${upwards(y)}H${RIGHT}`).join("");
const key = (x, kind, words) =>
  `<path class="${kind}" d="M${x} -3h24" />` + text(x + 29, 2, words, "name");

function path(points) {
  const place = ([x, y]) => `${across(x).toFixed(1)} ${upwards(y).toFixed(1)}`;
  return points.length ? "M" + points.map(place).join("L") : "";
}

// Up to where the gradient leaves the drawing.
function gradientPath(left) {
  const heights = left.map((share) => ofPower(Math.log10(share)));
  const end = heights.findIndex((height) => !(height > 0));
  const seen = end < 0 ? heights : heights.slice(0, end);
  return path(seen.map((height, k) => [k / (left.length - 1), height]));
}

const place = (svg, selector, d) => svg.querySelector(selector).setAttribute("d", d);
const scale = (svg, marks) => (svg.querySelector(".scale").innerHTML = marks.join(""));
const of = (runs, layer) => runs.find((run) => run.layer === layer);
const keys = () => key(60, "rnn now", WORDS.layers.rnn) + key(140, "lstm now", WORDS.layers.lstm);

/** By name: its words, what is drawn once, and how a snapshot is shown in its svg. */
export const DRAWINGS = {
  loss: {
    words: WORDS.loss,
    inside: () => `<path class="constant" d="${level(1 / HIGHEST_LOSS)}" />
      <path class="rnn now" /><path class="lstm now" />
      ${keys()}${key(222, "constant", WORDS.loss.constant)}`,
    show(svg, { runs }, _, { problem }, most) {
      const { constant } = PROBLEMS[problem];
      const ticks = [tick(0, "0"), tick(1 / HIGHEST_LOSS, constant < 1 ? constant.toFixed(2) : 1)];
      scale(svg, [...ticks, ...[0, 0.5, 1].map((x) => below(x, most * x))]);
      for (const layer of LAYERS) {
        const points = of(runs, layer)?.points ?? [];
        const shares = points.map(([n, loss]) => [n / most, loss / (HIGHEST_LOSS * constant)]);
        place(svg, `.${layer}.now`, path(shares));
      }
    },
  },
  gradient: {
    words: WORDS.gradient,
    inside() {
      const power = (log) => (log ? `10<tspan dy="-6" font-size="11">−${-log}</tspan>` : "1");
      const lines = LAYERS.map(
        (layer) => `<path class="${layer} before" /><path class="${layer} now" />`,
      );
      return `<path class="grid" d="${level(ofPower(0))}" />
        ${[0, -4, -8, -12].map((log) => tick(ofPower(log), power(log))).join("")}${lines.join("")}
        ${keys()}${key(222, "lstm before", WORDS.gradient.before)}`;
    },
    show(svg, { runs }, first, { length }) {
      scale(
        svg,
        [0, 0.5, 1].map((x) => below(x, Math.round(x * (length - 1)))),
      );
      for (const layer of LAYERS) {
        place(svg, `.${layer}.before`, gradientPath(of(first.runs, layer)?.left ?? []));
        place(svg, `.${layer}.now`, gradientPath(of(runs, layer)?.left ?? []));
      }
    },
  },
  gates: {
    words: WORDS.gates,
    inside() {
      const names = Object.entries(WORDS.gates.names);
      const keys = names.map(([name, words], k) => key(60 + 95 * k, `gate ${name}`, words));
      return `<path class="grid" d="${level(0.5, 1)}" />${tick(0, 0)}${tick(0.5, 0.5)}${tick(1, 1)}
        <path class="marks" />${names.map(([name]) => `<path class="gate ${name}" />`).join("")}
        ${keys.join("")}`;
    },
    show(svg, { runs, marked }, _, { length }) {
      const at = (t) => t / (length - 1); // steps from 0
      const steps = [1, Math.ceil(length / 2), length];
      scale(
        svg,
        steps.map((t) => below(at(t - 1), t)),
      );
      const triangle = (t) => `M${across(at(t))} ${BOTTOM - 9}l-5 9h10z`;
      place(svg, ".marks", marked.map(triangle).join(""));
      for (const name of Object.keys(WORDS.gates.names)) {
        const gate = of(runs, "lstm")?.gates.find((gate) => gate.name === name);
        place(svg, `.${name}`, path((gate?.course ?? []).map((value, t) => [at(t), value])));
      }
    },
  },
};

/** The markup of a drawing, empty. */
export function drawing(name) {
  const { words, inside } = DRAWINGS[name];
  return `<div><p class="title">${words.title}</p>
    <svg viewBox="0 -12 360 242" role="img" aria-label="${words.label}" data-drawing="${name}">
      <path class="axis" d="M${LEFT} ${TOP}V${BOTTOM}H${RIGHT}" /><g class="scale"></g>${inside()}
      ${text(across(0.5), 228, words.across)}</svg></div>`;
}

const row = (head, cells) =>
  `<tr><th scope="row">${head}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;

function table(heads, rows) {
  const names = heads.map((name) => `<th scope="col">${name}</th>`);
  return `<thead><tr>${names.join("")}</tr></thead><tbody>${rows.join("")}</tbody>`;
}

function share(number) {
  if (number === 0 || (number >= 0.01 && number < 100)) return number.toFixed(2);
  const [digits, exponent] = number.toExponential(0).split("e");
  return `${digits}·10<sup>${exponent.replace("+", "").replace("-", "−")}</sup>`;
}

/** The rows of the table of networks: loss, when solved, gradient left at the longest lag. */
export function networks({ runs }, first) {
  const { head, layers, none, failed, to } = WORDS.table;
  const rows = runs.map((run, k) => {
    const loss = run.failed ? failed : (run.loss?.toFixed(3) ?? none);
    const left = to(share(first.runs[k].left.at(-1)), share(run.left.at(-1)));
    return row(WORDS.layers[run.layer], [loss, run.solved ?? none, left]);
  });
  const hidden = `<span class="visually-hidden">${layers}</span>`;
  return table([hidden, ...head(runs[0].left.length - 1)], rows);
}

/** The rows of the table of gates, before and now; nothing without an LSTM. */
export function gates({ runs }, first) {
  const gates = of(runs, "lstm")?.gates;
  if (!gates) return "";
  const rows = gates.map((gate, k) => {
    const before = of(first.runs, "lstm").gates[k];
    const both = (kind) => WORDS.table.to(before[kind].toFixed(2), gate[kind].toFixed(2));
    return row(WORDS.gates.names[gate.name], [both("matter"), both("others")]);
  });
  return table(WORDS.gates.head, rows);
}
