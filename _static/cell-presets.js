// The cells and sequences that the living cell begins with: input gate, forget gate, candidate and
// output gate, each as the rows of its units: weights of the inputs, weights of h, bias.
{
  const OPEN = [0, 0, 40];
  const leak = Math.log(9); // a forget gate of 0.9

  // Rows of a one-unit cell become the package's arrays.
  const unit = (i, f, g, o) => ({
    W_ih: [i, f, g, o].map((row) => row.slice(0, -2)),
    W_hh: [i, f, g, o].map((row) => row.slice(-2, -1)),
    b: [i, f, g, o].map((row) => row.at(-1)),
  });
  const ofOne = (...xs) => xs.map((x) => [x]);

  globalThis.CELL_PRESETS = {
    counter: {
      ...unit(OPEN, OPEN, [20, 0, 0], OPEN),
      x: ofOne(1, 1, 1, -1, 1, 1, 0, 1, -1, -1, 1, 1, -1, -1),
    },
    latch: {
      ...unit([100, -150, -60], [100, 0, 60], OPEN, OPEN),
      x: ofOne(0.2, -0.1, 1, -0.2, 0.3, 1, 0, -0.3, 0.1, -1, 0.2, -0.1, 1, 0.1),
    },
    leaky: {
      ...unit([0, 0, -leak], [0, 0, leak], [20, 0, 0], OPEN),
      x: ofOne(1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, 0, 0, 0),
    },
    // Trained by the package: network.init(2, 1, 1, 0, "lstm") with a forget bias of 1, adding
    // problems of 12 steps in batches of 64, Adam, clipping at 1; 6,000 updates at 0.02, 3,000 at
    // 0.005; rounded. Inputs are a number and a mark; the answer is readout[0] h + readout[1].
    adder: {
      ...unit(
        [-0.57, 5.93, 0.42, -2.78],
        [0.12, -0.28, -0.26, 4.76],
        [0.42, -0.72, 0.01, 0.42],
        [0.03, -0.01, 0.48, 1.74],
      ),
      readout: [3.03, 0.82],
      x: [0.5, 0.9, 0.3, 0.7, 0.2, 0.8, 0.4, 0.6, 0.1, 0.9, 0.7, 0.3].map((number, t) => [
        number,
        Number(t === 3 || t === 7),
      ]),
    },
    empty: {
      ...unit([0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]),
      x: ofOne(1, 1, -1, 1, 1, 1, -1, -1, 1, 1),
    },
  };
}
