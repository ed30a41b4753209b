// The arithmetic of the LSTM in the page: all that the living cell shows is computed here, and the
// browser tests hold it against lstm.step, lstm.step_backward and gradients.cell_by_lag.
//
// Weights are {W_ih, W_hh, b} as in the package: 4H rows, the gates in the order i, f, g, o.
const LstmMath = (() => {
  const sigmoid = (z) => 1 / (1 + Math.exp(-z));
  const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);
  const each = (a, b, make) => a.map((value, k) => make(value, b[k]));
  const times = (a, b) => each(a, b, (p, q) => p * q);
  const plus = (a, b) => each(a, b, (p, q) => p + q);

  // One step from inputs x and states h, c. It returns everything on the way.
  function step(x, h_prev, c_prev, { W_ih, W_hh, b }) {
    const H = h_prev.length;
    const z = b.map((bias, k) => dot(W_ih[k], x) + dot(W_hh[k], h_prev) + bias);
    const [i, f, g, o] = [sigmoid, sigmoid, Math.tanh, sigmoid].map((squash, k) =>
      z.slice(k * H, (k + 1) * H).map(squash),
    );
    const [kept, added] = [times(f, c_prev), times(i, g)];
    const c = plus(kept, added);
    const tanh_c = c.map(Math.tanh);
    return { x, h_prev, c_prev, z, i, f, g, o, kept, added, c, tanh_c, h: times(o, tanh_c) };
  }

  // All steps of a sequence, from states of zero.
  function run(xs, weights) {
    const steps = [];
    const zeros = Array(weights.b.length / 4).fill(0);
    for (const x of xs) {
      const { h, c } = steps.at(-1) ?? { h: zeros, c: zeros };
      steps.push(step(x, h, c, weights));
    }
    return steps;
  }

  // What W sends back: the columns of W, weighted by dz.
  const sendBack = (W, dz) =>
    W[0].map((_, j) => W.reduce((sum, row, k) => sum + row[j] * dz[k], 0));

  // One step backward, from the gradients of h and c. The gradient of c comes in two parts, the
  // carousel's and the gate paths', and leaves in two. What comes through h belongs to the gate
  // paths, except where the loss itself looks at h: ownLoss.
  function stepBackward({ dh, carousel, gates }, now, { W_ih, W_hh }, ownLoss = false) {
    const { i, f, g, o, c_prev, tanh_c } = now;
    const shown = times(dh, o);
    const via = each(shown, tanh_c, (d, tanh) => d * (1 - tanh * tanh));
    const whole = {
      carousel: ownLoss ? plus(carousel, via) : carousel,
      gates: ownLoss ? gates : plus(gates, via),
    };
    const dc = plus(whole.carousel, whole.gates);
    const [di, df, dg, doo] = [times(dc, g), times(dc, c_prev), times(dc, i), times(dh, tanh_c)];
    const slope = (gate) => gate * (1 - gate);
    const dz = [
      each(di, i, (d, gate) => d * slope(gate)),
      each(df, f, (d, gate) => d * slope(gate)),
      each(dg, g, (d, content) => d * (1 - content * content)),
      each(doo, o, (d, gate) => d * slope(gate)),
    ].flat();
    const before = { carousel: times(whole.carousel, f), gates: times(whole.gates, f) };
    return {
      ...{ dh, carousel_in: carousel, gates_in: gates, shown, via, ...whole, dc },
      ...{ di, df, dg, do: doo, dz, db: dz, dx: sendBack(W_ih, dz) },
      ...{ dh_prev: sendBack(W_hh, dz), carousel_prev: before.carousel, gates_prev: before.gates },
      dc_prev: plus(before.carousel, before.gates),
    };
  }

  // All steps backward, the last one first. The loss is the last h or c of one unit.
  function runBackward(steps, weights, unit, loss) {
    const one = Array.from({ length: weights.b.length / 4 }, (_, k) => Number(k === unit));
    const zeros = one.map(() => 0);
    let now = { dh: zeros, carousel: zeros, gates: zeros };
    now[loss === "h" ? "dh" : "carousel"] = one;
    return [...steps].reverse().map((step, lag) => {
      const back = stepBackward(now, step, weights, lag === 0);
      now = { dh: back.dh_prev, carousel: back.carousel_prev, gates: back.gates_prev };
      return back;
    });
  }

  return { sigmoid, step, run, stepBackward, runBackward };
})();
