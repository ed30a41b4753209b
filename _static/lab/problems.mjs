// Random numbers, problems and first weights of the gradient lab: those of lstm_tutorial.tasks and
// network.init with another source of randomness, the same in distribution and not in digits.

/** Uniform numbers in [0, 1) from a seed (mulberry32), the same in every browser. */
export function generator(seed) {
  let state = (seed * 2654435769) >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  // Box and Muller's way to a normal number.
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal, integer: (low, high) => low + Math.floor(uniform() * (high - low)) };
}

// Every problem: the size of its input, the error of the best constant answer, and how a sequence
// is written into x; it returns the target, and the steps that matter.
export const PROBLEMS = {
  adding: {
    D: 2,
    constant: 1 / 6,
    write(set, T, rng) {
      const half = Math.floor(T / 2);
      const marked = [rng.integer(0, half), rng.integer(half, T)];
      let sum = 0;
      for (let t = 0; t < T; t++) {
        const number = rng.uniform();
        set(t, 0, number);
        set(t, 1, Number(marked.includes(t)));
        if (marked.includes(t)) sum += number;
      }
      return [sum, marked];
    },
  },
  recall: {
    D: 1,
    constant: 1,
    write(set, T, rng) {
      const sign = rng.uniform() < 0.5 ? -1 : 1;
      set(0, 0, sign);
      for (let t = 1; t < T; t++) set(t, 0, 0.2 * rng.normal());
      return [sign, [0]];
    },
  },
};

/** Draw a batch: x (T, B, D), y (B, 1), and the steps that matter of each sequence. */
export function draw(problem, T, B, rng) {
  const { D, write } = PROBLEMS[problem];
  const [x, y] = [new Float64Array(T * B * D), new Float64Array(B)];
  const marked = [];
  for (let n = 0; n < B; n++)
    [y[n], marked[n]] = write((t, k, value) => (x[(t * B + n) * D + k] = value), T, rng);
  return { x, y, T, B, marked };
}

// A random orthogonal matrix: Gram and Schmidt on normal numbers.
function orthogonal(H, rng) {
  const rows = [];
  while (rows.length < H) {
    const row = Float64Array.from({ length: H }, rng.normal);
    for (const other of rows) {
      const share = row.reduce((sum, entry, k) => sum + entry * other[k], 0);
      other.forEach((entry, k) => (row[k] -= share * entry));
    }
    const norm = Math.hypot(...row);
    rows.push(row.map((entry) => entry / norm));
  }
  return rows.flatMap((row) => [...row]);
}

const identity = (H) => Array.from({ length: H * H }, (_, n) => Number(n % (H + 1) === 0));

/**
 * Draw the weights: all uniform in ±1/√H, then the recurrent matrix or matrices by the start
 * chosen, times a scale, and for an LSTM the biases of its forget and input gates.
 */
export function init(layer, D, H, { start, scale, forget, input }, rng) {
  const blocks = layer === "lstm" ? 4 : 1;
  const bound = 1 / Math.sqrt(H);
  const uniform = (size) =>
    Float64Array.from({ length: size }, () => bound * (2 * rng.uniform() - 1));
  const rows = blocks * H;
  const params = [uniform(rows * D), uniform(rows * H), uniform(rows), uniform(H), uniform(1)];
  const matrix = { orthogonal, identity }[start];
  for (let k = 0; matrix && k < blocks; k++) params[1].set(matrix(H, rng), k * H * H);
  params[1].forEach((weight, k) => (params[1][k] = scale * weight));
  if (layer === "lstm") params[2].fill(input, 0, H).fill(forget, H, 2 * H);
  return params;
}
