// A step of the living cell with its numbers: the sums for the eye, the same in words for the ear.
{
  // A translation changes these words and nothing else.
  const WORDS = {
    before: "Before the first step both states are 0.",
    beforeBack: (T) => `The gradient is 1 at the end of step ${T}. Each step backward hands it on.`,
    now: (t, s) =>
      `Step ${t}, input ${s.x}. Forget gate ${s.f} times the old cell state ${s.c_prev} is ${s.kept}. ` +
      `Input gate ${s.i} times candidate ${s.g} is ${s.added}. Their sum is the cell state, ${s.c}. ` +
      `Output gate ${s.o} times tanh of the cell state, ${s.tanh_c}, is the hidden state, ${s.h}.`,
    nowBack: (t, s) =>
      `Step ${t}, backward. The gradient of the cell state is ${s.dc}: ${s.carousel} by the carousel ` +
      `and ${s.gates} by the gate paths. The forget gate, ${s.f}, hands on ${s.carousel_prev} and ` +
      `${s.gates_prev}. The boxes send ${s.dh_prev} to the hidden state before.`,
    answer: (number) => `The readout answers ${number}.`,
    carousel: "carousel",
    gates: "gate paths",
  };

  // Two digits, or one and a power of ten where two would say 0 or run out of their place.
  function short(value) {
    const size = Math.abs(value);
    if (size >= 1000 || (size > 0 && size < 0.005)) {
      return value.toExponential(0).replaceAll("-", "−").replace("e+", "e");
    }
    return value.toFixed(2).replace("-", "−");
  }

  // A number as a second summand, and as a second factor.
  const added = (number) => (number.startsWith("−") ? `− ${number.slice(1)}` : `+ ${number}`);
  const factor = (number) => (number.startsWith("−") ? `(${number})` : number);

  const line = (...parts) => `<p>${parts.map((part) => `<span>${part}</span>`).join(" ")}</p>`;
  const on = (colour, text) => `<b class="${colour}">${text}</b>`;

  function forwardSums(t, s) {
    const [c, before] = [`<i>c</i><sub>${t}</sub>`, `<i>c</i><sub>${t - 1}</sub>`];
    const [f, i, g, o] = ["forget", "input", "candidate", "output"].map((colour, k) =>
      on(colour, `<i>${"figo"[k]}</i>`),
    );
    return (
      line(
        `${c} = ${f} · ${before} + ${i} · ${g}`,
        `= ${on("forget", s.f)} · ${factor(s.c_prev)} + ${on("input", s.i)} · ${on("candidate", factor(s.g))}`,
        `= ${s.kept} ${added(s.added)}`,
        `= ${on("cell", s.c)}`,
      ) +
      line(
        `<i>h</i><sub>${t}</sub> = ${o} · tanh ${c}`,
        `= ${on("output", s.o)} · ${factor(s.tanh_c)}`,
        `= ${on("hidden", s.h)}`,
      )
    );
  }

  function answerSum(t, s, [weight, bias], answer) {
    return line(
      `<i>y</i><sub>${t}</sub> = ${short(weight)} · ${on("hidden", factor(s.h))} ${added(short(bias))}`,
      `= <b>${answer}</b>`,
    );
  }

  function backwardSums(t, s) {
    const f = on("forget", "<i>f</i>");
    return (
      line(
        `<i>dc</i><sub>${t}</sub> = ${WORDS.carousel} + ${WORDS.gates}`,
        `= ${on("cell", s.carousel)} ${on("hidden", added(s.gates))} = ${s.dc}`,
      ) +
      line(
        `<i>dc</i><sub>${t - 1}</sub> = ${f} · <i>dc</i><sub>${t}</sub>`,
        `= ${on("forget", s.f)} · ${on("cell", factor(s.carousel))} + ${on("forget", s.f)} · ${on("hidden", factor(s.gates))}`,
        `= ${on("cell", s.carousel_prev)} ${on("hidden", added(s.gates_prev))}`,
      ) +
      line(`<i>dh</i><sub>${t - 1}</sub> = ${on("hidden", s.dh_prev)}`)
    );
  }

  // The numbers of a step as text, of the unit that is shown; of inputs all.
  function texts(now, unit) {
    return Object.fromEntries(
      Object.entries(now).map(([name, value]) => {
        const all = name === "x" || name === "dx";
        return [name, all ? value.map(short).join(" and ") : short(value[unit])];
      }),
    );
  }

  // What there is to say of step t of a cell.
  function of({ now, unit, backward, steps, cell }, t) {
    if (!now) {
      const text = backward ? WORDS.beforeBack(steps.length) : WORDS.before;
      return { sums: line(text), words: text };
    }
    const s = texts(now, unit);
    if (backward) return { sums: backwardSums(t, s), words: WORDS.nowBack(t, s) };
    if (!cell.readout) return { sums: forwardSums(t, s), words: WORDS.now(t, s) };
    const answer = short(cell.readout[0] * now.h[0] + cell.readout[1]);
    return {
      sums: forwardSums(t, s) + answerSum(t, s, cell.readout, answer),
      words: `${WORDS.now(t, s)} ${WORDS.answer(answer)}`,
    };
  }

  globalThis.CellSums = { short, of };
}
