// A recurrent layer, a linear readout of its last state, squared error and the updates that train
// them: the functions of lstm_tutorial.network, rnn, lstm and gradients, for a browser. Same names,
// same order of the arrays (time, batch, features) and of the gates (i, f, g, o), all of them flat
// Float64Arrays. A page, a worker and a test import it alike.

const GATES = { rnn: 1, lstm: 4 };
const sigmoid = (z) => 0.5 * Math.tanh(0.5 * z) + 0.5;

/** A network: {layer, D, H, O, params: [W_ih, W_hh, b, W_hy, b_y]}. */
export function network(layer, D, H, O, params) {
  if (!(layer in GATES)) throw new TypeError(`layer: expected rnn or lstm, got ${layer}`);
  const rows = GATES[layer] * H;
  const sizes = [rows * D, rows * H, rows, O * H, O];
  sizes.forEach((size, k) => {
    const got = params[k]?.length;
    if (got !== size) throw new RangeError(`params[${k}]: expected ${size} numbers, got ${got}`);
  });
  return { layer, D, H, O, params: params.map((p) => Float64Array.from(p)) };
}

// All pre-activations of one step of one sequence.
function preActivations(net, z, x, at, h, from) {
  const { D, H } = net;
  const [W_ih, W_hh, b] = net.params;
  for (let row = 0; row < z.length; row++) {
    let sum = b[row];
    for (let k = 0; k < D; k++) sum += W_ih[row * D + k] * x[at + k];
    for (let k = 0; k < H; k++) sum += W_hh[row * H + k] * h[from + k];
    z[row] = sum;
  }
}

/**
 * Run the layer from states of zeros. The tape holds h and, for an LSTM, c, with the first state
 * in front, (T + 1, B, H); its gates, (T, B, 4H); and tanh(c), (T, B, H).
 */
export function forward(net, x, T, B) {
  const { D, H } = net;
  const rows = GATES[net.layer] * H;
  if (x.length !== T * B * D) throw new RangeError(`x: expected ${T * B * D}, got ${x.length}`);
  const isLstm = net.layer === "lstm";
  const h = new Float64Array((T + 1) * B * H);
  const c = isLstm ? new Float64Array((T + 1) * B * H) : null;
  const gates = isLstm ? new Float64Array(T * B * rows) : null;
  const tanh_c = isLstm ? new Float64Array(T * B * H) : null;
  const z = new Float64Array(rows);
  for (let n = 0; n < T * B; n++) {
    const before = n * H;
    const after = (n + B) * H; // the same sequence, a step later
    preActivations(net, z, x, n * D, h, before);
    for (let k = 0; k < H; k++) {
      if (!isLstm) {
        h[after + k] = Math.tanh(z[k]);
        continue;
      }
      const i = sigmoid(z[k]);
      const f = sigmoid(z[H + k]);
      const g = Math.tanh(z[2 * H + k]);
      const o = sigmoid(z[3 * H + k]);
      const at = n * rows + k;
      gates[at] = i;
      gates[at + H] = f;
      gates[at + 2 * H] = g;
      gates[at + 3 * H] = o;
      c[after + k] = f * c[before + k] + i * g;
      tanh_c[before + k] = Math.tanh(c[after + k]);
      h[after + k] = o * tanh_c[before + k];
    }
  }
  return { x, T, B, h, c, gates, tanh_c };
}

/** The readout of the last step, (B, O). */
export function readout(net, tape) {
  const { H, O } = net;
  const [W_hy, b_y] = net.params.slice(3);
  const { T, B, h } = tape;
  const y = new Float64Array(B * O);
  for (let n = 0; n < B; n++)
    for (let j = 0; j < O; j++) {
      let sum = b_y[j];
      for (let k = 0; k < H; k++) sum += W_hy[j * H + k] * h[(T * B + n) * H + k];
      y[n * O + j] = sum;
    }
  return y;
}

// Through one step of one sequence: from the gradients with respect to h and c after it to those
// with respect to its pre-activations, and to c before it, which takes the place of c's.
function stepBackward(net, tape, n, dh, dc, dz) {
  const { H } = net;
  const { B, h, c, gates, tanh_c } = tape;
  const after = (n + B) * H;
  for (let k = 0; k < H; k++) {
    if (net.layer === "rnn") {
      dz[k] = dh[k] * (1 - h[after + k] * h[after + k]);
      continue;
    }
    const at = n * 4 * H + k;
    const i = gates[at];
    const f = gates[at + H];
    const g = gates[at + 2 * H];
    const o = gates[at + 3 * H];
    const squashed = tanh_c[n * H + k];
    dc[k] += dh[k] * o * (1 - squashed * squashed);
    dz[k] = dc[k] * g * i * (1 - i);
    dz[H + k] = dc[k] * c[n * H + k] * f * (1 - f);
    dz[2 * H + k] = dc[k] * i * (1 - g * g);
    dz[3 * H + k] = dh[k] * squashed * o * (1 - o);
    dc[k] *= f;
  }
}

/**
 * Backpropagation through time from the gradient with respect to the last h, (B, H). Returns the
 * gradients of W_ih, W_hh and b, and by lag: the norm of the gradient with respect to the state k
 * steps back, h of an RNN and c of an LSTM, averaged over the batch, for k = 0, ..., T - 1.
 */
export function backward(net, tape, dh_T) {
  const { D, H } = net;
  const { x, T, B, h } = tape;
  const [W_ih, W_hh] = net.params;
  const rows = GATES[net.layer] * H;
  const dW_ih = new Float64Array(W_ih.length);
  const dW_hh = new Float64Array(W_hh.length);
  const db = new Float64Array(rows);
  const byLag = new Float64Array(T);
  const dz = new Float64Array(rows);
  for (let s = 0; s < B; s++) {
    const dh = dh_T.slice(s * H, (s + 1) * H);
    const dc = new Float64Array(H);
    for (let t = T - 1; t >= 0; t--) {
      const n = t * B + s;
      byLag[T - 1 - t] += stateNorm(net, tape, n, dh, dc) / B;
      stepBackward(net, tape, n, dh, dc, dz);
      dh.fill(0);
      for (let row = 0; row < rows; row++) {
        db[row] += dz[row];
        for (let k = 0; k < D; k++) dW_ih[row * D + k] += dz[row] * x[n * D + k];
        for (let k = 0; k < H; k++) {
          dW_hh[row * H + k] += dz[row] * h[n * H + k];
          dh[k] += dz[row] * W_hh[row * H + k];
        }
      }
    }
  }
  return { grads: [dW_ih, dW_hh, db], byLag };
}

// The norm of the whole gradient with respect to h of an RNN, or to c of an LSTM: what comes along
// c, and what comes from the h of its step.
function stateNorm({ layer, H }, { gates, tanh_c }, n, dh, dc) {
  let sum = 0;
  for (let k = 0; k < H; k++) {
    if (layer === "rnn") {
      sum += dh[k] * dh[k];
      continue;
    }
    const squashed = tanh_c[n * H + k];
    const whole = dc[k] + dh[k] * gates[n * 4 * H + 3 * H + k] * (1 - squashed * squashed);
    sum += whole * whole;
  }
  return Math.sqrt(sum);
}

/** The mean squared error of the last step's readout against y, (B, O), and its gradients. */
export function lossAndGradients(net, { x, y, T, B }) {
  const { H, O } = net;
  const W_hy = net.params[3];
  const tape = forward(net, x, T, B);
  const dy = readout(net, tape);
  let loss = 0;
  for (let n = 0; n < dy.length; n++) {
    const error = dy[n] - y[n];
    loss += error ** 2 / dy.length;
    dy[n] = (2 * error) / dy.length;
  }
  const dh_T = new Float64Array(B * H);
  const dW_hy = new Float64Array(O * H);
  const db_y = new Float64Array(O);
  for (let n = 0; n < B; n++)
    for (let j = 0; j < O; j++) {
      db_y[j] += dy[n * O + j];
      for (let k = 0; k < H; k++) {
        dh_T[n * H + k] += dy[n * O + j] * W_hy[j * H + k];
        dW_hy[j * H + k] += dy[n * O + j] * tape.h[(T * B + n) * H + k];
      }
    }
  const { grads, byLag } = backward(net, tape, dh_T);
  return { loss, grads: [...grads, dW_hy, db_y], byLag, tape };
}

export function globalNorm(grads) {
  let sum = 0;
  for (const grad of grads) for (const entry of grad) sum += entry * entry;
  return Math.sqrt(sum);
}

/** Scale the gradients in place so that their global norm is at most maxNorm; return the norm. */
export function clipByNorm(grads, maxNorm) {
  const norm = globalNorm(grads);
  const factor = Math.min(1, maxNorm / (norm + 1e-6));
  for (const grad of grads) for (let k = 0; k < grad.length; k++) grad[k] *= factor;
  return norm;
}

// The optimisers change the parameters in place.
export function sgd() {
  return (params, grads, lr) =>
    params.forEach((p, n) => p.forEach((_, k) => (p[k] -= lr * grads[n][k])));
}

export function adam() {
  let t = 0;
  let means, squares;
  return (params, grads, lr) => {
    means ??= params.map((p) => new Float64Array(p.length));
    squares ??= params.map((p) => new Float64Array(p.length));
    t++;
    const [m_scale, s_scale] = [1 - 0.9 ** t, 1 - 0.999 ** t]; // both means start at zero
    params.forEach((p, n) => {
      const [m, s] = [means[n], squares[n]];
      for (let k = 0; k < p.length; k++) {
        const g = grads[n][k];
        m[k] = 0.9 * m[k] + 0.1 * g;
        s[k] = 0.999 * s[k] + 0.001 * g * g;
        p[k] -= (lr * (m[k] / m_scale)) / (Math.sqrt(s[k] / s_scale) + 1e-8);
      }
    });
  };
}

const OPTIMIZERS = { adam, sgd };

/** Returns a function that updates the network on one batch and returns {loss, norm}. */
export function trainer(net, { lr, maxNorm = null, optimizer = "adam" }) {
  const move = OPTIMIZERS[optimizer]();
  return (batch) => {
    const { loss, grads } = lossAndGradients(net, batch);
    const norm = maxNorm === null ? globalNorm(grads) : clipByNorm(grads, maxNorm);
    if (!Number.isFinite(loss + norm)) throw new RangeError("loss or gradient is not finite");
    move(net.params, grads, lr);
    return { loss, norm };
  };
}
