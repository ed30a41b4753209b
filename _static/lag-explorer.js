// <lstm-lag>: what is left of a gradient k steps back, on the carousel of a cell whose forget gate
// is held at σ(b), and in a vanilla unit with recurrent weight w that is held at state h. Around
// each line lies what would be left if each of the numbers that set it were a little off.
{
  // A translation changes these words and nothing else.
  const WORDS = {
    drawing:
      "Gradient left against lag, 0 to 200 steps, logarithmic: a solid line for the carousel and a dashed one for the vanilla unit, a dot on each at the chosen lag, and a level line at 1 %. Around each line a band: what would be left if the numbers that set it were 0.1 off",
    carousel: "Carousel",
    vanilla: "Vanilla unit",
    lag: "lag k",
    off: { carousel: "With the bias 0.1 off", vanilla: "With weight and state 0.1 off" },
    said: (name, factor, left, k, horizon) =>
      `${name}: factor ${factor} a step, ${left} left after ${k} steps, 1 % left at lag ${horizon}.`,
    range: (off, least, most) => `${off}, ${least} to ${most} are left.`,
    never: "none: it never falls so far",
    sliders: ["Carousel: forget bias b", "Vanilla: weight w", "Vanilla: state h", "Lag k"],
    presets: ["Bias 0", "Bias 1", "Bias 5", "A vanilla unit that latches", "One that explodes"],
  };

  const OFF = 0.1; // how far off the numbers of the bands are
  const HIGHEST = 0.99; // of a state: tanh does not reach 1

  // The drawing: lags from 0 to 200 across, powers of ten from -12 to 2 upwards.
  const across = (k) => 52 + 1.55 * k;
  const up = (log) => 55 - 11 * log;
  const opacity = (log) => Number(log >= -12 && log <= 2);
  const power = (n) => `10<tspan dy="-6" font-size="11">${n}</tspan>`;
  const end = (log) => Math.min(200, (log < 0 ? -12 : 2) / log); // where it leaves the drawing
  const point = (k, log) => `${across(k)} ${up(log)}`;
  const line = (log) => `M${point(0, 0)}L${point(end(log), end(log) * log)}`;

  // The band between two lines, along the border of the drawing where it leaves it.
  function band(low, high) {
    const corners = [];
    if (end(high) < 200 && high > 0 && !(end(low) < 200 && low > 0)) corners.push(point(200, 2));
    if (end(low) < 200 && low < 0 && !(end(high) < 200 && high < 0)) corners.push(point(200, -12));
    const ends = [point(end(high), end(high) * high), ...corners, point(end(low), end(low) * low)];
    return `M${point(0, 0)}L${ends.join("L")}Z`;
  }

  // The factor of a step of each unit, and the least and the largest with its numbers a little off.
  function factors({ b, w, h }) {
    const gate = (bias) => 1 / (1 + Math.exp(-bias));
    const unit = (weight, state) => weight * (1 - state * state);
    const [less, more] = [Math.max(0, w - OFF), Math.min(HIGHEST, h + OFF)];
    return {
      carousel: [gate(b), gate(b - OFF), gate(b + OFF)],
      vanilla: [unit(w, h), unit(less, more), unit(w + OFF, Math.max(0, h - OFF))],
    };
  }

  function share(value) {
    if (value === 0 || (value >= 1e-3 && value < 1e4)) return String(+value.toPrecision(3));
    const [digits, exponent] = value.toExponential(1).split("e");
    return `${digits}·10<sup>${exponent.replace("+", "").replace("-", "−")}</sup>`;
  }

  addEventListener("DOMContentLoaded", () => {
    class Lag extends Explorer {
      sliders = [
        ["b", WORDS.sliders[0], -2, 10, 0.1, 4],
        ["w", WORDS.sliders[1], 0, 3, 0.05, 1],
        ["h", WORDS.sliders[2], 0, 0.95, 0.05, 0.15],
        ["k", WORDS.sliders[3], 1, 200, 1, 100],
      ];
      presets = [
        [WORDS.presets[0], { b: 0 }],
        [WORDS.presets[1], { b: 1 }],
        [WORDS.presets[2], { b: 5 }],
        [WORDS.presets[3], { w: 1.5, h: 0.85 }],
        [WORDS.presets[4], { w: 1.1, h: 0 }],
      ];

      drawing() {
        return `<svg viewBox="0 0 380 235" role="img" aria-label="${WORDS.drawing}">
          <g class="axes">
            <path d="M52 ${up(2)}V${up(-12)}H${across(200)}M52 ${up(0)}H${across(200)}" />
            <path class="percent" d="M52 ${up(-2)}H${across(200)}" />
            <text class="tick" x="46" y="${up(0) + 5}">1</text>
            <text class="tick" x="46" y="${up(-2) + 5}">1 %</text>
            <text class="tick" x="46" y="${up(-6) + 5}">${power("−6")}</text>
            <text class="tick" x="46" y="${up(-12) + 5}">${power("−12")}</text>
            <text x="${across(0)}" y="205">0</text><text x="${across(100)}" y="205">100</text>
            <text x="${across(200)}" y="205">200</text>
            <text x="${across(100)}" y="225">${WORDS.lag}</text>
            <path class="line carousel" d="M60 14H90" /><path class="line vanilla" d="M200 14H230" />
            <text class="legend" x="96" y="19">${WORDS.carousel}</text>
            <text class="legend" x="236" y="19">${WORDS.vanilla}</text>
          </g>
          <path class="band vanilla" /><path class="band carousel" />
          <path class="line vanilla moving" /><path class="line carousel moving" />
          <circle class="dot vanilla" r="5" /><circle class="dot carousel" r="5" />
        </svg>`;
      }

      show({ k, ...values }) {
        this.numbers = {};
        const said = Object.entries(factors(values)).map(([name, [factor, ...off]]) => {
          const [left, least, most] = [factor, ...off].map((f) => f ** k);
          const horizon = factor < 1 ? Math.log(0.01) / Math.log(factor) : Infinity;
          this.numbers[name] = { factor, left, horizon, least, most };
          // A factor of 0 has to be drawn too.
          const [log, low, high] = [factor, ...off].map((f) => Math.max(Math.log10(f), -1000));
          this.place(`.line.${name}.moving`, { d: line(log) });
          this.place(`.band.${name}`, { d: band(low, high) });
          this.place(`.dot.${name}`, { cx: across(k), cy: up(k * log), opacity: opacity(k * log) });
          const bold = (key, text) => `<b data-name="${name}-${key}">${text}</b>`;
          const at = factor < 1 ? Math.round(horizon).toLocaleString("en") : WORDS.never;
          const [f, l, a] = [
            bold("factor", share(factor)),
            bold("left", share(left)),
            bold("horizon", at),
          ];
          const range = [bold("least", share(least)), bold("most", share(most))];
          return `${WORDS.said(WORDS[name], f, l, k, a)} ${WORDS.range(WORDS.off[name], ...range)}`;
        });
        this.say(said.join("<br>"));
      }
    }
    customElements.define("lstm-lag", Lag);
  });
}
