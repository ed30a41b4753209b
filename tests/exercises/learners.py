"""Learners' plain solutions of every kind, and slips as edits of their text.

They share no code with the package. Several edits of one answer are joined by "&&".
"""

TOOLS = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))
"""

ANSWERS = {
    "lstm.step": """
def fn(x, h_prev, c_prev, W_ih, W_hh, b):
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    H = h_prev.shape[1]
    zi, zf, zg, zo = z[:, :H], z[:, H:2*H], z[:, 2*H:3*H], z[:, 3*H:]
    i = sigmoid(zi)
    f = sigmoid(zf)
    g = np.tanh(zg)
    o = sigmoid(zo)
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    return h, c
""",
    "lstm.step_backward": """
def fn(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    i, f, g, o = np.split(z, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * c_prev + i * g
    tc = np.tanh(c)
    do = dh * tc
    dct = dc + dh * o * (1 - tc ** 2)
    di = dct * g
    df = dct * c_prev
    dg = dct * i
    dc_prev = dct * f
    dzi = di * i * (1 - i)
    dzf = df * f * (1 - f)
    dzg = dg * (1 - g ** 2)
    dzo = do * o * (1 - o)
    dz = np.hstack([dzi, dzf, dzg, dzo])
    Wi, Wf, Wg, Wo = np.split(W_hh, 4)
    dh_prev = dzi @ Wi
    dh_prev += dzf @ Wf
    dh_prev += dzg @ Wg
    dh_prev += dzo @ Wo
    dx = dz @ W_ih
    dW_ih = dz.T @ x
    dW_hh = dz.T @ h_prev
    db = dz.sum(axis=0)
    return dx, dh_prev, dc_prev, dW_ih, dW_hh, db
""",
    "lstm.forward": """
def fn(x, h0, c0, W_ih, W_hh, b):
    h, c = h0, c0
    hs = []
    for t in range(len(x)):
        i, f, g, o = np.split(x[t] @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
    return np.stack(hs), (h, c)
""",
    "lstm.backward": """
def fn(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    T = len(x)
    h, c = h0, c0
    saved = []
    for t in range(T):
        i, f, g, o = np.split(x[t] @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        old_h, old_c = h, c
        c = f * c + i * g
        h = o * np.tanh(c)
        saved.append((i, f, g, o, c, old_h, old_c, h))
    dx = np.zeros_like(x)
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    dh, dc = dh_T, dc_T
    for t in reversed(range(T)):
        i, f, g, o, c, old_h, old_c, new_h = saved[t]
        dh = dh + dhs[t]
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        dz = np.hstack([
            dc * g * i * (1 - i),
            dc * old_c * f * (1 - f),
            dc * i * (1 - g ** 2),
            dh * np.tanh(c) * o * (1 - o),
        ])
        dW_ih += dz.T @ x[t]
        dW_hh += dz.T @ old_h
        db += dz.sum(axis=0)
        dx[t] = dz @ W_ih
        dh = dz @ W_hh
        dc = dc * f
    return dx, dh, dc, dW_ih, dW_hh, db
""",
    "rnn.step": """
def fn(x, h_prev, W_ih, W_hh, b):
    return np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
""",
    "rnn.step_backward": """
def fn(dh, x, h_prev, W_ih, W_hh, b):
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    dz = dh * (1 - h ** 2)
    return dz @ W_ih, dz @ W_hh, dz.T @ x, dz.T @ h_prev, dz.sum(0)
""",
    "rnn.forward": """
def fn(x, h0, W_ih, W_hh, b):
    h = h0
    hs = np.zeros((len(x), *h0.shape))
    for t in range(len(x)):
        h = np.tanh(x[t] @ W_ih.T + h @ W_hh.T + b)
        hs[t] = h
    return hs, h
""",
    "rnn.backward": """
def fn(dhs, dh_T, x, h0, W_ih, W_hh, b):
    hs = [h0]
    for xt in x:
        hs.append(np.tanh(xt @ W_ih.T + hs[-1] @ W_hh.T + b))
    dx = np.zeros_like(x)
    dW_ih = dW_hh = db = 0
    dh = dh_T
    for t in range(len(x) - 1, -1, -1):
        dh = dh + dhs[t]
        dz = dh * (1 - hs[t + 1] ** 2)
        dW_ih = dW_ih + dz.T @ x[t]
        dW_hh = dW_hh + dz.T @ hs[t]
        db = db + dz.sum(0)
        dx[t] = dz @ W_ih
        dh = dz @ W_hh
    return dx, dh, dW_ih, dW_hh, db
""",
}

ANSWERS |= {
    "sigmoid": """
def fn(z):
    return 1 / (1 + np.exp(-z))
""",
    "gate": """
def fn(x, h, W, U, b):
    return sigmoid(x @ W.T + h @ U.T + b)
""",
    "clip_by_norm": """
def fn(grads, max_norm):
    norm = np.sqrt(sum((g ** 2).sum() for g in grads))
    if norm > max_norm:
        return [g * (max_norm / (norm + 1e-6)) for g in grads]
    return [g.copy() for g in grads]
""",
    "clip_by_value": """
def fn(grads, clip_value):
    return [np.minimum(np.maximum(g, -clip_value), clip_value) for g in grads]
""",
    "cross_entropy": """
def fn(logits, targets):
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -np.mean([row[k] for row, k in zip(logp, targets)])
""",
    "cross_entropy_gradient": """
def fn(logits, targets):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    p[np.arange(len(p)), targets] -= 1
    return p / len(p)
""",
    "perplexity": """
def fn(nats):
    return float(np.exp(np.mean(nats)))
""",
    "bits_per_character": """
def fn(nats):
    return np.mean(nats * np.log2(np.e))
""",
    "mase": """
def fn(y_hat, y, train, season):
    naive = np.mean(np.abs(train[season:] - train[:-season]))
    return np.mean(np.abs(y - y_hat)) / naive
""",
    "windows": """
def fn(series, length, horizon):
    x, y = [], []
    for s in range(len(series) - length - horizon + 1):
        x.append(series[s:s + length])
        y.append(series[s + length:s + length + horizon])
    return np.array(x), y
""",
    "standardise": """
def fn(train, test):
    mean, std = train.mean(axis=0), train.std(axis=0)
    return (train - mean) / std, (test - mean) / std
""",
    "numerical_gradient": """
def fn(f, x):
    grad, step = np.zeros_like(x), 1e-5
    for k in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[k] += step
        down[k] -= step
        grad[k] = (f(up) - f(down)) / (2 * step)
    return grad
""",
    "last_valid": """
def fn(hs, lengths):
    return np.stack([hs[n - 1, b] for b, n in enumerate(lengths)])
""",
    "torch.last_valid": """
import torch
def fn(out, lengths):
    H = out.shape[2] // 2
    ends = out[lengths - 1, torch.arange(len(lengths))]
    return torch.cat([ends[:, :H], out[0, :, H:]], dim=1)
""",
    "torch.masked_loss": """
import torch
def fn(y_hat, y, lengths):
    valid = torch.arange(len(y))[:, None] < lengths
    return ((y_hat - y)[valid] ** 2).mean()
""",
    "torch.cell": """
import torch
def fn(z, c):
    i, f, g, o = z.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
""",
    "torch.coupled_cell": """
import torch
def fn(i, f, g, o, c):
    keep = torch.sigmoid(f)
    c = keep * c + (1 - keep) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
""",
    "rnn.sigmoid_backward": """
def fn(dhs, x, hs, W_hh):
    dW_ih, dW_hh, db, later = 0, 0, 0, 0
    for t in reversed(range(len(x))):
        h = hs[t + 1]
        dz = (dhs[t] + later) * h * (1 - h)
        dW_ih += dz.T @ x[t]
        dW_hh += dz.T @ hs[t]
        db += dz.sum(axis=0)
        later = dz @ W_hh
    return dW_ih, dW_hh, db
""",
    "rnn.jacobian": """
def fn(hs, W_hh):
    product = np.eye(len(W_hh))
    for h in hs[1:]:
        product = np.diag(h * (1 - h)) @ W_hh @ product
    return product
""",
    "rnn.truncated_backward": """
from lstm_tutorial import rnn
def fn(dhs, x, h0, W_ih, W_hh, b, k):
    h, sums = h0, [0, 0, 0]
    for s in range(0, len(x), k):
        _, h, tape = rnn.forward(x[s:s + k], h, W_ih, W_hh, b)
        grads = rnn.backward(dhs[s:s + k], tape)[2:]
        sums = [a + g for a, g in zip(sums, grads)]
    return sums
""",
    "lstm.chunked_backward": """
from lstm_tutorial import lstm
def fn(dhs, tapes):
    end, dh, dc, dW = len(dhs), None, None, [0, 0, 0]
    for tape in reversed(tapes):
        start = end - len(tape.tanh_c)
        _, dh, dc, *shares = lstm.backward(dhs[start:end], tape, dh, dc)
        dW = [a + g for a, g in zip(dW, shares)]
        end = start
    return dh, dc, *dW
""",
    "lstm.carousel": """
def fn(f, dc_T):
    kept = [dc_T]
    for gate in f[::-1]:
        kept.append(kept[-1] * gate)
    return np.array(kept)
""",
    "lstm.bias_for": """
def fn(lag, left):
    f = left ** (1 / lag)
    return np.log(f / (1 - f))
""",
    "lstm.init": """
def fn(input_size, hidden_size, rng):
    D, H = input_size, hidden_size
    W_ih, W_hh, b = (rng.uniform(-1, 1, shape) / H ** 0.5 for shape in [(4 * H, D), (4 * H, H), 4 * H])
    b[H:2 * H] = 1
    return W_ih, W_hh, b
""",
    "lstm.port": """
def fn(W, b, H):
    f, i, c, o = np.split(W, 4)
    W = np.concatenate([i, f, c, o])
    b_f, b_i, b_c, b_o = np.split(b, 4)
    return W[:, H:], W[:, :H], np.concatenate([b_i, b_f, b_c, b_o])
""",
    "nn.parameters": """
def fn(D, H, layers, both, P):
    directions, R, total = 1 + both, P or H, 0
    for k in range(layers):
        reads = D if k == 0 else directions * R
        total += directions * (4 * H * (reads + R + 2) + P * H)
    return total
""",
}

ANSWERS |= {
    "pack": """
def fn(hs, lengths):
    order = sorted(range(len(lengths)), key=lambda b: -lengths[b])
    data, sizes = [], []
    for t in range(len(hs)):
        rows = [hs[t, b] for b in order if t < lengths[b]]
        data += rows
        sizes.append(len(rows))
    return np.array(data), sizes
""",
    "rnn.delay_line": """
def fn():
    return np.array([[0.01], [0.0]]), np.array([[0.0, 0.0], [1.0, 0.0]]), np.zeros(2)
""",
    "rnn.to_sigmoid": """
def fn(W_ih, W_hh, b):
    return 2 * W_ih, 4 * W_hh, 2 * b - 2 * W_hh.sum(axis=1)
""",
    "lstm.reset_counter": """
def fn():
    W_ih = [[0, 0, 0], [0, 0, -80], [20, -20, 0], [0, 0, 0]]
    return np.array(W_ih), np.zeros((4, 1)), np.array([40, 40, 0, 40])
""",
    "lstm.parity": """
def fn():
    i, f, g, o = (40, -40, -20), (-40, -40, 56), (0, 0, 40), (0, 0, 40)
    W = np.array([i, f, g, o])
    return W[:, :1], W[:, 1:2], W[:, 2]
""",
    "lstm.step_back": """
def fn(dh, dc, c_prev, gates, c, W_hh):
    i, f, g, o = gates
    tanh_c = np.tanh(c)
    dc = dc + dh * o * (1 - tanh_c ** 2)
    dz_i, dz_f = dc * g * i * (1 - i), dc * c_prev * f * (1 - f)
    dz_g, dz_o = dc * i * (1 - g ** 2), dh * tanh_c * o * (1 - o)
    dz = np.hstack([dz_i, dz_f, dz_g, dz_o])
    return dz @ W_hh, dc * f, dz
""",
    "blame": """
def fn(wrong, right):
    letters = ""
    for letter, a, b in zip("ifgo", np.split(wrong, 4), np.split(right, 4)):
        off = np.linalg.norm(a - b) / np.linalg.norm(b)
        if off > 1e-6:
            letters += letter
    return letters
""",
    "no_future": """
def fn(run):
    x = np.random.default_rng(0).normal(size=(6, 2, 3))
    for t in range(5):
        other = x.copy()
        other[t + 1:] += 1
        if not np.array_equal(run(x)[:t + 1], run(other)[:t + 1]):
            return False
    return True
""",
    "torch.looks_ahead": """
import torch
def fn(function, x):
    for t in range(len(x) - 1):
        other = x.clone()
        other[t + 1:] += 1
        if not (function(x)[:t + 1] == function(other)[:t + 1]).all():
            return True
    return False
""",
    "share_of_products": """
def fn(B, T, D, H, rate, price, calls):
    products = 24 * B * T * H * (D + H) / rate
    return products / (products + T * calls * price)
""",
    "nn.activations": """
def fn(T, B, H, layers, both, itemsize):
    per_step = 7 * layers + (layers - 1)
    return itemsize * per_step * (1 + both) * T * B * H
""",
    "torch.summary": """
import torch
def fn(out):
    H = out.shape[2] // 2
    return torch.cat([out[-1, :, :H], out[0, :, H:]], dim=1)
""",
    "torch.open_forget_gates": """
import torch
def fn(layer, bias):
    H = layer.hidden_size
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name.startswith("bias"):
                parameter[H:2 * H] = bias if "_ih_" in name else 0.0
""",
    "torch.init_state": """
def fn(net, batch):
    entries = net.num_layers * (2 if net.bidirectional else 1)
    like = net.weight_ih_l0
    h0 = like.new_zeros(entries, batch, net.proj_size or net.hidden_size)
    return h0, like.new_zeros(entries, batch, net.hidden_size)
""",
    "torch.pool_both": """
import torch
def fn(out, lengths):
    mask = (torch.arange(len(out))[:, None] < lengths)[..., None]
    mean = out.where(mask, 0.0).sum(dim=0) / lengths[:, None]
    return torch.cat([mean, out.where(mask, -torch.inf).amax(dim=0)], dim=1)
""",
    "sign_test": """
from math import comb
def fn(first, second):
    a, b = (first & ~second).sum(), (second & ~first).sum()
    m = int(a + b)
    far = abs(a - m / 2)
    return sum(comb(m, k) for k in range(m + 1) if abs(k - m / 2) >= far) / 2 ** m
""",
    "buckets": """
def fn(lengths, size, rng):
    order = rng.permutation(len(lengths))
    order = order[lengths[order].argsort(kind="stable")]
    batches = [order[k:k + size] for k in range(0, len(order), size)]
    return [batches[k] for k in rng.permutation(len(batches))]
""",
    "decide": """
def fn(p, lengths, threshold):
    steps = np.arange(len(p))[:, None]
    sure = (p.max(axis=2) > threshold) & (steps < lengths)
    return np.where(sure.any(axis=0), sure.argmax(axis=0), lengths - 1)
""",
    "cut": """
def fn(series, valid, test, length):
    known = len(series) - test
    train = series[:known - valid]
    return train, series[known - valid - length:known], series[known - length:]
""",
    "seasonal": """
def fn(past, m, K):
    return [past[len(past) - m + k % m] for k in range(K)]
""",
    "is_copy": """
def fn(last, forecast, actual):
    skill = np.abs(forecast - actual).mean() / np.abs(last - actual).mean()
    return skill > 0.95
""",
    "seeds_needed": """
import math
def fn(gap, spread):
    return math.ceil(2 * (1.96 + 0.84) ** 2 * (spread / gap) ** 2)
""",
    "torch.zoneout": """
import torch
def fn(new, old, share, training):
    if not training:
        return share * old + (1 - share) * new
    return torch.where(torch.rand_like(new) < share, old, new)
""",
    "torch.average": """
def fn(gradients, sizes):
    pairs = [(g, n) for g, n in zip(gradients, sizes) if n]
    return sum(n * g for g, n in pairs) / sum(n for _, n in pairs)
""",
    "torch.serve": """
import torch
def fn(lstm, states, inputs):
    zeros = (torch.zeros(1, 1, lstm.hidden_size),) * 2
    known = [states.get(client, zeros) for client in inputs]
    h, c = (torch.cat(parts, dim=1) for parts in zip(*known))
    out, (h, c) = lstm(torch.stack(list(inputs.values()))[None], (h, c))
    for k, client in enumerate(inputs):
        states[client] = h[:, k:k + 1].clone(), c[:, k:k + 1].clone()
    return dict(zip(inputs, out[0]))
""",
}

# kind: [(the edit, old -> new, what the report should name)]

ANSWERS |= {
    "rnn.forward_mode": """
def fn(dhs, x, h0, W_ih, W_hh, b):
    h, total, gradient = h0, np.zeros((len(b),) * 3), 0
    for x_t, g in zip(x, dhs):
        immediate = np.einsum("ij,k->ijk", np.eye(len(b)), h)
        h = np.tanh(W_ih @ x_t + W_hh @ h + b)
        total = (1 - h**2)[:, None, None] * (immediate + np.tensordot(W_hh, total, 1))
        gradient = gradient + np.tensordot(g, total, 1)
    return gradient
""",
    "rnn.hoisted": """
def fn(x, h, W_ih, W_hh, b):
    hs = []
    for z_x in x @ W_ih.T + b:
        h = 0.9 * h + 0.1 * np.tanh(z_x + h @ W_hh.T)
        hs.append(h)
    return np.stack(hs)
""",
    "streams": """
def fn(ids, B, T):
    steps = (len(ids) - 1) // B
    x = ids[: B * steps].reshape(B, steps).T
    y = ids[1 : B * steps + 1].reshape(B, steps).T
    return [(x[s : s + T], y[s : s + T]) for s in range(0, steps - T + 1, T)]
""",
    "torch.chances": """
import torch
def fn(logits, temperature, k):
    kept = logits.topk(k).indices
    masked = torch.full_like(logits, -torch.inf)
    masked[kept] = logits[kept] / temperature
    return masked.softmax(0)
""",
    "torch.peephole": """
import torch
def fn(z, c, p_i, p_f, p_o):
    i, f, g, o = z.chunk(4, dim=1)
    c = (f + p_f * c).sigmoid() * c + (i + p_i * c).sigmoid() * g.tanh()
    return (o + p_o * c).sigmoid() * c.tanh(), c
""",
}

SLIPS = {
    "lstm.step": [
        ("np.tanh(zg) -> sigmoid(zg)", "g = σ(z)"),
        ("np.tanh(zg) -> zg", "g = z"),
        ("np.tanh(zg) -> np.maximum(zg, 0)", "g = ReLU(z)"),
        ("sigmoid(zf) -> zf", "f = z"),
        ("sigmoid(zi) -> np.tanh(zi)", "i = tanh(z)"),
        ("sigmoid(zo) -> sigmoid(sigmoid(zo))", "o = σ(σ(z))"),
        ("zi, zf, zg, zo -> zf, zi, zg, zo", "gates read as f i g o"),
        ("zi, zf, zg, zo -> zi, zf, zo, zg", "gates read as i f o g"),
        ("zi, zf, zg, zo -> zf, zi, zo, zg", "gates read as f i o g"),
        ("f * c_prev + i * g -> i * c_prev + f * g", "gates read as f i g o"),
        ("o * np.tanh(c) -> o * c", "σ(z_o) · c for σ(z_o) · tanh(c)"),
        ("o * np.tanh(c) -> o * np.tanh(c_prev)", "σ(z_o) · tanh(c_prev) for σ(z_o) · tanh(c)"),
        ("o * np.tanh(c) -> np.tanh(o * c)", "tanh(σ(z_o) · c) for σ(z_o) · tanh(c)"),
        ("o * np.tanh(c) -> np.tanh(c)", "output gate left out"),
        ("f * c_prev + i * g -> c_prev + i * g", "forget gate left out"),
        ("f * c_prev + i * g -> f * c_prev + g", "tanh(z_g) for σ(z_i) · tanh(z_g)"),
        ("f * c_prev + i * g -> i * g", "old cell state left out"),
        ("f * c_prev + i * g -> f * (c_prev + i * g)", "σ(z_i) · σ(z_f) · tanh(z_g) for σ(z_i) · tanh(z_g)"),
        ("f * c_prev + i * g -> f * c_prev + (1 - f) * g", "i = (1 − σ(z_f))"),
        ("f * c_prev + i * g -> (1 - f) * c_prev + i * g", "f = (1 − σ(z))"),
        ("f * c_prev + i * g -> f * h_prev + i * g", "σ(z_f) · h_prev for σ(z_f) · c_prev"),
        ("c = f * c_prev + i * g -> c = np.tanh(f * c_prev + i * g)", "cell state squashed"),
        (" + b\n -> \n", "b left out"),
        (" + h_prev @ W_hh.T -> ", "W_hh left out"),
        ("h_prev @ W_hh.T -> c_prev @ W_hh.T", "W_hh meets c_prev"),
        ("return h, c -> return c, h", "h and c returned in the other order"),
        ("return h, c -> return h, c_prev", "the old c returned"),
        ("return h, c -> return h, h", "h returned twice"),
        ("sigmoid(z -> sigmoid(-z", "f, i, o = (1 − σ(z))"),
        ("z[:, :H], z[:, H:2*H], z[:, 2*H:3*H], z[:, 3*H:] -> z[:, ::4], z[:, 1::4], z[:, 2::4], z[:, 3::4]", "rows read as if the gates took turns, every fourth row a gate's"),
        ("z[:, :H], z[:, H:2*H], z[:, 2*H:3*H], z[:, 3*H:] -> z.reshape(4, -1, H)", "rows of the batch mixed"),
        ("x @ W_ih.T -> x @ W_ih.reshape(x.shape[1], -1)", "W_ih read reshaped where it should be transposed"),
        ("+ b\n -> + np.concatenate([b[:h_prev.shape[1]]] * 4)\n", "b: blocks of other gates"),
        ("np.tanh(zg) -> sigmoid(zg) && o * np.tanh(c) -> o * c", "g = σ(z)"),
        (" + b\n -> \n && return h, c -> return c, h", "h and c returned in the other order"),
        ("zi, zf, zg, zo -> zf, zi, zg, zo && np.tanh(zg) -> zg", "gates read as f i g o"),
        ("c = f * c_prev -> c_prev *= f; c = c_prev", "input changed in place"),
        ("z = x -> b += 0.5; z = x", "input changed in place"),
    ],
    "lstm.step_backward": [
        ("dc + dh * o * (1 - tc ** 2) -> dh * o * (1 - tc ** 2)", "dc_total"),
        ("dc + dh * o * (1 - tc ** 2) -> dc", "dc_total"),
        ("(1 - tc ** 2) -> 1", "dc_total"),
        ("(1 - tc ** 2) -> (1 - np.tanh(tc) ** 2)", "dc_total"),
        ("(1 - tc ** 2) -> (1 - c ** 2)", "dc_total"),
        ("dh * o * (1 - tc -> dh * (1 - tc", "dc_total"),
        ("dct * c_prev -> dct * c", "dz_f"),
        ("do = dh * tc -> do = dh * c", "dz_o"),
        ("do = dh * tc -> do = dc * tc", "dz_o"),
        ("dct * f\n -> dct\n", "dc_prev"),
        ("dct * f\n -> dc * f\n", "dc_prev"),
        ("(1 - g ** 2) -> g * (1 - g)", "dz_g"),
        ("(1 - g ** 2) -> 1", "dz_g"),
        ("(1 - g ** 2) -> (1 - np.tanh(g) ** 2)", "dz_g"),
        ("i * (1 - i) -> sigmoid(i) * (1 - sigmoid(i))", "dz_i"),
        ("df * f * (1 - f) -> df * (1 - f ** 2)", "dz_f"),
        ("do * o * (1 - o) -> do", "dz_o"),
        ("do * o * (1 - o) -> do * (1 - o)", "dz_o"),
        ("dg = dct * i -> dg = dct * g", "dz_g"),
        ("di = dct * g -> di = dct * i && dg = dct * i -> dg = dct * g", "dz_i"),
        ("+= dzf -> = dzf && += dzg -> = dzg && += dzo -> = dzo", "dh_prev"),
        ("dz.T @ h_prev -> dz.T @ (o * tc)", "dW_hh"),
        ("dz.sum(axis=0) -> dz.mean(axis=0)", "db"),
        ("dz.T @ x -> (dz.T @ x) / len(x) && dz.T @ h_prev -> dz.T @ h_prev / len(x)", "dW_ih and dW_hh"),
        ("dz.T @ x -> (x.T @ dz).reshape(W_ih.shape)", "dW_ih"),
        ("[dzi, dzf, dzg, dzo] -> [dzi, dzf, dzo, dzg]", "dz"),
        ("i, f, g, o = np -> f, i, g, o = np", "z_i and z_f"),
        ("di = dct -> dct = dct - dh * o * (1 - tc ** 2); di = dct", "dc_total"),
        ("dh_prev, dc_prev, dW_ih -> dc_prev, dh_prev, dW_ih", "dc_prev"),
        ("dct = dc + dh -> dc += dh", "exception"),
        ("dct = dc + -> dct = dc; dct +=", "input changed in place"),
        ("dct = dc + dh -> dct = dc - dh", "dc_total"),
        ("di * i * (1 - i) -> di && dz @ W_ih -> dz @ W_ih / 2", "dz_i"),
        ("dct * c_prev -> dct * c && (1 - g ** 2) -> g * (1 - g)", "dz_f"),
        ("(1 - tc ** 2) -> 1 && dz.sum(axis=0) -> dz.mean(axis=0)", "dc_total"),
    ],
    "lstm.forward": [
        ("h @ W_hh.T -> h0 @ W_hh.T", "h: the initial h"),
        ("sigmoid(f) * c + -> sigmoid(f) * c0 +", "c: the initial c"),
        ("h, c = h0, c0 -> h, c = np.zeros_like(h0), np.zeros_like(c0)", "h0 and c0: zeros"),
        ("h, c = h0, c0 -> h, c = np.zeros_like(h0), c0", "h0: zeros"),
        ("(len(x)): -> (len(x)):\n        h, c = 0 * h0, 0 * c0", "h0 and c0: zeros"),
        ("hs.append(h) -> hs.append(c)", "hs: h"),
        ("(h, c) -> (c, h)", "h_T and c_T: c and h"),
        ("np.stack(hs), (h, c) -> np.stack(hs[::-1]), (h, c)", "hs: h from the last step to the first"),
        ("np.stack(hs), (h, c) -> np.stack(hs), (hs[0], c)", "h_T: h after the first step"),
        ("x[t] -> x[t - 1]", "x: x[t - 1], and x[T - 1] at t = 0"),
        ("x[t] -> x[0]", "x: x[0] at every step"),
        ("x[t] -> x[len(x) - 1 - t]", "x: x from the last step to the first"),
        ("        hs.append(h)\n ->  && c = sigmoid(f) -> hs.append(h); c = sigmoid(f)", "hs: h of one step earlier"),
        ("hs = [] -> hs = []; h = h.copy() && h = sigmoid(o) * np.tanh(c) -> h[:] = sigmoid(o) * np.tanh(c)", "hs: hs[T - 1] at every step"),
        ("np.stack(hs) -> np.stack([h0, *hs])", "wrong shape"),
        ("np.stack(hs) -> np.stack(hs, axis=1)", "wrong shape"),
        ("return np.stack(hs), (h, c) -> pass", "nothing returned"),
        ("np.tanh(g) -> sigmoid(g)", "g = σ(z)"),
        ("i, f, g, o = -> i, f, o, g =", "gates read as i f o g"),
        ("np.tanh(g) -> sigmoid(g) && h @ W_hh.T -> h0 @ W_hh.T", "g = σ(z)"),
    ],
    "lstm.backward": [
        ("dh = dh + dhs[t] -> dh = dhs[t]", "dh: dhs[t] alone"),
        ("        dc = dc * f\n -> \n", "dc: dc before the product with f"),
        ("dc = dc * f -> dc = 0 * dc", "dc: zeros"),
        ("dh, dc = dh_T, dc_T -> dh, dc = 0 * dh_T, dc_T", "dh_T: zeros"),
        ("dh, dc = dh_T, dc_T -> dh, dc = dh_T, 0 * dc_T", "dc_T: zeros"),
        ("dh, dc = dh_T, dc_T -> dh, dc = 0 * dh_T, 0 * dc_T", "dh_T and dc_T: zeros"),
        ("dh = dh + dhs[t] -> dh = dh", "dhs: zeros"),
        ("dhs[t] -> dhs[t - 1]", "dhs: dhs[t - 1], and dhs[T - 1] at t = 0"),
        ("dhs[t] -> dhs[T - 1 - t]", "dhs: dhs from the last step to the first"),
        ("dW_hh += dz.T @ old_h -> dW_hh += dz.T @ new_h", "dW_hh: the sum with h after the step"),
        ("dc * old_c * f -> dc * c * f", "time: c_prev of the step after"),
        ("reversed(range(T)) -> range(T)", "the loop runs from the first step to the last"),
        ("dW_ih += -> dW_ih = && dW_hh += -> dW_hh = && db += -> db =", "dW_ih, dW_hh and db: the share of the step that the loop comes to last, overwritten each time"),
        ("        dc = dc + dh * o -> \n        dc = dh * o", "dc_total"),
        ("return dx, dh, dc -> return dx[::-1], dh, dc", "dx: dx from the last step to the first"),
        ("return dx, dh, dc, dW_ih, dW_hh, db -> return dx, dh, dc, dW_ih / T, dW_hh / T, db / T", "dW_ih, dW_hh and db: the mean over the steps"),
        ("dW_ih, dW_hh, db\n -> dW_ih / T / len(h0), dW_hh / T / len(h0), db / T / len(h0)\n", "dW_ih, dW_hh and db: the mean over steps and batch"),
        ("    h, c = h0, c0 ->     h, c = 0 * h0, 0 * c0", "h0 and c0: zeros"),
        ("(1 - g ** 2) -> g * (1 - g)", "dz_g"),
        ("db += -> db = && dc * i * (1 - g ** 2) -> dc * i", "dz_g"),
        ("dc_T\n    for -> dc_T\n    dhs[-1] += dh_T\n    for", "dh_T: twice dh_T"),
        ("dh = dh + dhs[t] -> dh += dhs[t]", "input changed in place"),
        ("dx[t] = dz @ W_ih -> dx[t] += dz @ W_ih && return dx -> dx *= -1; return dx", "dx: dx with the wrong sign"),
    ],
    "rnn.step": [
        ("np.tanh( -> sigmoid(", "σ(z) for tanh(z)"),
        ("np.tanh( -> (", "z for tanh(z)"),
        (" + b -> ", "b left out"),
        ("h_prev @ W_hh.T -> h_prev @ W_hh", "W_hh read transposed"),
        (" + b) -> ) + b", "tanh((x+h)) + b for tanh(z)"),
        (" + h_prev @ -> ) + np.tanh(h_prev @", "tanh((h+b)) + tanh((W x)) for tanh(z)"),
        ("x @ W_ih.T + h_prev @ W_hh.T -> x @ W_ih.T", "W_hh left out"),
    ],
    "rnn.step_backward": [
        ("(1 - h ** 2) -> 1", "dz"),
        ("(1 - h ** 2) -> h * (1 - h)", "dz"),
        ("(1 - h ** 2) -> (1 - np.tanh(h) ** 2)", "h"),
        ("dz @ W_hh -> dz @ W_hh.T", "dh_prev"),
        ("dz @ W_hh -> dh @ W_hh", "dh_prev"),
        ("dz.T @ h_prev -> dz.T @ h", "dW_hh"),
        ("dz.T @ h_prev -> h_prev.T @ dz", "dW_hh"),
        ("dz.T @ x -> x.T @ dz", "wrong shape"),
        ("dz.sum(0) -> dz", "wrong shape"),
        ("dz.sum(0) -> dz.mean(0)", "db"),
        ("dz.sum(0) -> dh.sum(0)", "db"),
    ],
    "rnn.forward": [
        ("h @ W_hh.T -> h0 @ W_hh.T", "h: the initial h"),
        ("h = h0 -> h = np.zeros_like(h0)", "h0: zeros"),
        ("range(len(x)) -> range(len(x) - 1)", "the loop leaves the last step out"),
        ("range(len(x)) -> range(1, len(x))", "the loop leaves the first step out"),
        ("return hs, h\n -> return hs, hs[0]\n", "h_T: h after the first step"),
        ("np.tanh( -> sigmoid(", "σ(z) for tanh(z)"),
        ("x[t] @ -> x[max(t - 1, 0)] @", "x: x[t - 1], and x[0] at t = 0"),
    ],
    "rnn.backward": [
        ("dh = dh + dhs[t] -> dh = dhs[t]", "dh: dhs[t] alone"),
        ("(1 - hs[t + 1] ** 2) -> (1 - hs[t] ** 2)", "time: h in the slope of the step before"),
        ("dz.T @ hs[t] -> dz.T @ hs[t + 1]", "dW_hh: the sum with h after the step"),
        ("dh = dz @ W_hh -> dh = dh @ W_hh", "dh_prev"),
        ("dh = dz @ W_hh -> dh = dz @ W_hh.T", "dh_prev"),
        ("dW_hh = dW_hh + -> dW_hh = && dW_ih = dW_ih + -> dW_ih = && db = db + -> db =", "dW_ih, dW_hh and db: the share of the step that the loop comes to last, overwritten each time"),
        ("dh = dh_T -> dh = 0 * dh_T", "dh_T: zeros"),
        ("range(len(x) - 1, -1, -1) -> range(len(x) - 1, 0, -1)", "the loop leaves the first step out"),
        ("range(len(x) - 1, -1, -1) -> range(len(x))", "the loop runs from the first step to the last"),
        ("        dh = dh + dhs[t]\n ->  && dh = dz @ W_hh -> dh = dz @ W_hh + dhs[t]", "dh: what came back, without dhs[t]"),
    ],
    "sigmoid": [
        ("np.exp(-z) -> np.exp(z)", "wrong sign"),
        ("1 / (1 + np.exp(-z)) -> np.exp(z) / (1 + np.exp(z))", "exp overflows"),
        ("1 / (1 + np.exp(-z)) -> np.tanh(z)", "tanh"),
        ("1 / (1 + np.exp(-z)) -> 0.5 + 0.5 * np.tanh(z)", "twice as steep"),
    ],
    "gate": [
        ("h @ U.T -> h @ U", "U read transposed"),
        ("sigmoid( -> np.tanh(", "tanh(z) for σ(z)"),
        (" + b -> ", "b left out"),
        ("sigmoid( -> ( && + h @ U.T -> ", "U left out"),
        ("+ b -> - b && h @ U.T -> h @ U", "U read transposed"),
    ],
    "clip_by_norm": [
        ("if norm > max_norm: -> if True:", "scaled up below the threshold"),
        ("np.sqrt(sum((g ** 2).sum() for g in grads)) -> sum((g ** 2).sum() for g in grads)", "root left out of the norm"),
        ("for g in grads)) -> for g in grads[:1]))", "norm of the first array only"),
        ("g * (max_norm / (norm + 1e-6)) -> np.clip(g, -max_norm, max_norm)", "clipped by value"),
        ("np.sqrt(sum((g ** 2).sum() for g in grads)) -> sum(np.sqrt((g ** 2).sum()) for g in grads)", "sum of the arrays' norms"),
        ("norm = np.sqrt -> grads[0] *= 0.5; grads[0] *= 2; norm = np.sqrt && max_norm / (norm + 1e-6) -> 1 / norm", "scaled to norm 1"),
        ("return [g * (max_norm / (norm + 1e-6)) for g in grads] -> return [np.multiply(g, max_norm / norm, out=g) for g in grads]", "input changed in place"),
        ("g * (max_norm / (norm + 1e-6)) -> g * (max_norm / np.sqrt((g ** 2).sum()))", "each array brought to max_norm"),
    ],
    "clip_by_value": [
        ("np.maximum(g, -clip_value) -> g", "cut above only"),
        ("np.maximum(g, -clip_value) -> np.maximum(g, 0)", "cut at 0 and clip_value"),
    ],
    "cross_entropy": [
        ("-np.mean -> -np.sum", "summed, not averaged"),
        ("-np.mean -> np.mean", "wrong sign"),
        ("axis=1 -> axis=0", "softmax along the batch"),
        ("logits - logits.max(axis=1, keepdims=True) -> logits", "exp overflows"),
    ],
    "cross_entropy_gradient": [
        ("return p / len(p) -> return p", "not divided by the batch"),
        ("-= 1 -> += 1", "targets added"),
        ("axis=1 -> axis=0", "softmax along the batch"),
        ("return p / len(p) -> return p / p.size", "divided by batch and classes"),
    ],
    "perplexity": [
        ("np.exp(np.mean(nats)) -> 2 ** np.mean(nats)", "2 to the power of nats"),
        ("np.exp(np.mean(nats)) -> np.mean(np.exp(nats))", "mean of perplexities"),
        ("np.exp(np.mean(nats)) -> np.exp(nats.sum())", "exp of the sum"),
    ],
    "bits_per_character": [
        ("nats * np.log2(np.e) -> nats", "nats"),
        ("nats * np.log2(np.e) -> nats * np.log(2)", "times ln 2"),
        ("nats * np.log2(np.e) -> np.log2(nats)", "log2 of each loss"),
    ],
    "mase": [
        ("train[season:] - train[:-season] -> y[season:] - y[:-season]", "scale from the test part"),
        ("train[season:] - train[:-season] -> train[1:] - train[:-1]", "naive of one step"),
        (" / naive -> ", "not scaled"),
        ("np.abs( -> np.square(", "squares"),
        ("train[season:] - train[:-season] -> y[1:] - y[:-1]", "scale from the test part"),
    ],
    "windows": [
        ("series[s + length:s + length + horizon] -> series[s + length - 1:s + length - 1 + horizon]", "targets overlap the inputs"),
        ("series[s:s + length] -> series[s:s + length][::-1]", "inputs turned round"),
        ("length - horizon + 1) -> length - horizon)", "one window too few"),
        ("np.array(x), y -> np.array(x).T, y", "x.T for x"),
    ],
    "standardise": [
        ("train.mean(axis=0), train.std(axis=0) -> np.vstack([train, test]).mean(axis=0), np.vstack([train, test]).std(axis=0)", "statistics of all data"),
        ("(test - mean) / std -> (test - test.mean(axis=0)) / test.std(axis=0)", "test by its own statistics"),
        ("train.mean(axis=0), train.std(axis=0) -> train.mean(), train.std()", "one mean and deviation for all columns"),
        ("train.std(axis=0) -> train.std(axis=0, ddof=1)", "deviation with T - 1"),
    ],
    "numerical_gradient": [
        ("/ (2 * step) -> / step", "not divided by 2"),
        ("f(up) - f(down) -> f(down) - f(up)", "wrong sign"),
        ("up[k] += step -> up += step && down[k] -= step -> down -= step", "all entries moved together"),
        ("up, down = x.copy(), x.copy() -> x[k] += 1e-3; up, down = x.copy(), x.copy()", "input changed in place"),
    ],
    "last_valid": [
        ("hs[n - 1, b] -> hs[-1, b]", "end of the array"),
        ("hs[n - 1, b] -> hs[n - 2, b]", "one step early"),
        ("hs[n - 1, b] -> hs[n, b]", "exception"),
        ("np.stack([hs[n - 1, b] for b, n in enumerate(lengths)]) -> hs[lengths - 1]", "wrong shape"),
    ],
    "torch.last_valid": [
        ("out[0, :, H:] -> ends[:, H:]", "both halves at length - 1"),
        ("[ends[:, :H], out[0, :, H:]] -> [out[0, :, H:], ends[:, :H]]", "directions swapped"),
        ("lengths - 1 -> lengths - 2", "one step early"),
    ],
    "torch.masked_loss": [
        ("(y_hat - y)[valid] -> (y_hat - y)", "padding in the mean"),
        ("((y_hat - y)[valid] ** 2).mean() -> ((y_hat - y) ** 2 * valid[..., None]).sum() / valid.sum()", "mask multiplied"),
        ("((y_hat - y)[valid] ** 2).mean() -> ((y_hat - y).masked_fill(~valid[..., None], 0) ** 2).mean()", "divided by all steps"),
        (".mean() -> .sum()", "summed"),
        ("((y_hat - y)[valid] ** 2).mean() -> torch.where(valid[..., None], (y_hat - y) ** 2, 0.0).sum() / valid.sum()", "NaN in the gradient"),
    ],
    "torch.cell": [
        ("chunk(4 -> chunk(5", "exception"),
        ("i, f, g, o = z -> f, i, g, o = z", "gates read as f i g o"),
        ("torch.tanh(g) -> torch.sigmoid(g)", "g = σ(z)"),
        ("* torch.tanh(c), c -> * c, c", "σ(z_o) · c for σ(z_o) · tanh(c)"),
        ("    return torch.sigmoid(o) * torch.tanh(c), c ->     return c, torch.sigmoid(o) * torch.tanh(c)", "h and c returned in the other order"),
        ("    c = torch -> \n    old = c\n    c = torch && torch.tanh(c), c -> torch.tanh(old), c", "σ(z_o) · tanh(c_prev) for σ(z_o) · tanh(c)"),
    ],
    "torch.coupled_cell": [
        ("(1 - keep) -> torch.sigmoid(i)", "i = σ(z_i)"),
        ("(1 - keep) -> torch.sigmoid(1 - f)", "i = σ(−z + 1)"),
    ],
    "rnn.sigmoid_backward": [
        ("h * (1 - h) -> (1 - h ** 2)", "slope of tanh"),
        ("h = hs[t + 1] -> h = hs[t]", "slope at the old state"),
        ("dz.T @ hs[t] -> dz.T @ hs[t + 1]", "dW_hh takes the new h"),
        ("later = dz @ W_hh -> pass", "nothing carried back"),
        ("later = dz @ W_hh -> later = dz @ W_hh.T", "W_hh transposed"),
    ],
    "rnn.jacobian": [
        ("return product -> return product.T", "transposed"),
        ("np.diag(h * (1 - h)) @ W_hh @ product -> product @ np.diag(h * (1 - h)) @ W_hh", "order of the steps turned"),
        ("hs[1:] -> hs[:-1]", "initial state for the last"),
        ("np.diag(h * (1 - h)) @ W_hh -> W_hh @ np.diag(h * (1 - h))", "slope on the wrong side"),
    ],
    "rnn.truncated_backward": [
        ("x[s:s + k], h, -> x[s:s + k], h0,", "h0 at every border"),
        ("x[s:s + k], h, -> x[s:s + k], h0 * (s == 0),", "states reset at the borders"),
        ("range(0, len(x), k) -> range(0, len(x) - k + 1, k)", "last, shorter chunk dropped"),
        ("    for s in range(0, len(x), k): ->     k = len(x)\n    for s in [0]:", "not cut"),
        ("[a + g for a -> [g for a", "only the last chunk"),
    ],
    "lstm.chunked_backward": [
        ("tape, dh, dc) -> tape)", "cut at the borders"),
        ("tape, dh, dc) -> tape, dh)", "dc0 not handed on"),
        ("tape, dh, dc) -> tape, None, dc)", "dh0 not handed on"),
        ("[a + g for a -> [g for a", "only the first chunk's share"),
    ],
    "lstm.carousel": [
        ("f[::-1] -> f", "wrong end"),
        ("kept[-1] * gate -> dc_T * gate", "not accumulated"),
        ("np.array(kept) -> np.array(kept)[1:]", "lag 0 left out"),
        ("kept[-1] * gate -> np.multiply(dc_T, gate, out=dc_T)", "input changed in place"),
    ],
    "lstm.bias_for": [
        ("np.log(f / (1 - f)) -> f", "the gate"),
        ("np.log(f / (1 - f)) -> np.log((1 - f) / f)", "wrong sign"),
    ],
    "lstm.init": [
        ("    b[H:2 * H] = 1\n -> ", "forget bias not set"),
        ("b[H:2 * H] = 1 -> b[:H] = 1", "forget bias in another block"),
        ("b[H:2 * H] = 1 -> b[H:2 * H] += 1", "forget bias added to what was drawn"),
        ("H ** 0.5 -> D ** 0.5", "W_ih, W_hh and b: uniform in ±1/√D"),
        ("rng.uniform(-1, 1, shape) -> rng.normal(size=shape)", "W_ih and W_hh: normal with a standard deviation of 1/√H"),
        ("(4 * H, D), -> (D, 4 * H),", "wrong shape"),
    ],
    "lstm.port": [
        ("np.concatenate([b_i, b_f, b_c, b_o]) -> b", "gates not reordered in b"),
        ("[i, f, c, o] -> [f, i, c, o]", "gates not reordered in W_ih and W_hh"),
        ("f, i, c, o = -> i, f, c, o = && b_f, b_i, b_c, b_o = -> b_i, b_f, b_c, b_o =", "gates not reordered"),
        ("W[:, H:], W[:, :H] -> W[:, :-H], W[:, -H:]", "input's columns taken first"),
    ],
    "nn.parameters": [
        ("R + 2) -> R + 1)", "one bias"),
        ("R + 2) -> R)", "no bias"),
        (" + P * H) -> )", "W_hr left out"),
        ("else directions * R -> else R", "layers above read one direction"),
        ("total += directions * ( -> total += (", "one direction only"),
        ("4 * H * -> H *", "one gate"),
    ],
}  # fmt: skip

SLIPS |= {
    "pack": [
        ("sorted(range(len(lengths)), key=lambda b: -lengths[b]) -> range(len(lengths))", "not sorted"),
        ("-lengths[b] -> lengths[b]", "shortest first"),
        ("t < lengths[b] -> t <= lengths[b]", "np.arange(len(hs))[:, None] <= lengths[order] for np.arange(len(hs))[:, None] < lengths[order]"),
        ("return np.array(data) -> data = [hs[t, b] for b in order for t in range(lengths[b])]; return np.array(data)", "sequence after sequence"),
    ],
    "rnn.delay_line": [
        ("[[0.01], [0.0]] -> [[0.0], [0.01]]", "the present input"),
        ("[1.0, 0.0] -> [0.5, 0.0]", "wrong size or sign"),
        ("[1.0, 0.0] -> [-1.0, 0.0]", "wrong size or sign"),
        ("[[0.01], [0.0]] -> [[1.0], [0.0]] && [1.0, 0.0] -> [0.01, 0.0]", "tanh bends it"),
        ("np.zeros(2) -> np.zeros(3)", "wrong shape"),
    ],
    "rnn.to_sigmoid": [
        ("4 * W_hh -> 2 * W_hh", "W_hh doubled, not times 4"),
        ("- 2 * W_hh.sum(axis=1) -> ", "the -1 left out"),
        ("axis=1 -> axis=0", "the -1 through the columns"),
        ("4 * W_hh -> 2 * W_hh && - 2 * W_hh.sum(axis=1) -> ", "all doubled, s taken for h"),
        ("- 2 * W -> - W", "the -1 not doubled"),
    ],
    "lstm.reset_counter": [
        ("[40, 40, 0, 40] -> [0, 40, 0, 40]", "a"),
        ("[20, -20, 0] -> [20, 0, 0]", "b"),
        ("[40, 40, 0, 40] -> [40, 0, 0, 40]", "aaa"),
        ("[0, 0, -80] -> [0, -80, -80]", "aab"),
        ("[20, -20, 0] -> [20, -20, 20]", "r"),
        ("[0, 0, -80] -> [0, 0, 0]", "aar"),
        ("[40, 40, 0, 40] -> [8, 8, 0, 40] && [20, -20, 0] -> [4, -4, 0] && -80 -> -18", "long strings"),
        ("[0, 0, -80], -> ", "wrong shape"),
    ],
    "lstm.parity": [
        ("(40, -40, -20) -> (40, -40, 20)", "000"),
        ("(40, -40, -20) -> (40, -40, -60)", "1"),
        ("(-40, -40, 56) -> (-40, -40, 0)", "100"),
        ("(40, -40, -20) -> (40, 0, -20)", "11"),
        ("(-40, -40, 56) -> (-40, 0, 56)", "11"),
        ("(-40, -40, 56) -> (-20, 0, 6.5)", "long strings"),
    ],
    "lstm.step_back": [
        ("dc = dc + dh -> dc = dh", "dc_total"),
        ("dc = dc + dh * o * (1 - tanh_c ** 2)\n -> \n", "dc_total"),
        ("dc * f, dz -> dc, dz", "dc_prev"),
        ("dz @ W_hh, dc * f -> dc * f, dz @ W_hh", "dc_prev"),
        ("dc = dc + dh -> dc += dh", "input changed in place"),
        ("dc = dc + dh -> later = dc; dc = dh && dc * f, dz -> (later + dc) * f, dz", "dc_total"),
    ],
    "blame": [
        ("return letters -> return list(letters)", "no string"),
        ("off > 1e-6 -> off >= 0", "equal arrays blamed"),
        ("off > 1e-6 -> off > 0", "rounding blamed"),
        ("ifgo -> fgoi", "one gate not found"),
        ("ifgo -> ifog", "one gate not found"),
        ("np.linalg.norm(b) -> np.linalg.norm(right)", "small block missed"),
        ("letters += letter -> letters = letter", "not all named"),
        ("np.linalg.norm(a - b) -> abs((a - b).sum())", "errors cancel"),
    ],
    "no_future": [
        ("return False -> return True && return True\n -> return False\n", "false alarm"),
        ("run(x)[:t + 1], run(other)[:t + 1] -> run(x), run(other)", "false alarm"),
        ("return False -> pass", "every leak missed"),
        ("range(5) -> range(2)", "output 2, 3 and 4 not tried"),
        ("other[t + 1:] += 1 -> other[t + 1:] = other[t + 1:][::-1].copy() && np.array_equal -> np.allclose", "output 4 not tried"),
        ("[:t + 1] -> [:t]", "one step ahead missed"),
        ("[t + 1:] += 1 -> [t + 1] += 1 && [:t + 1] -> [t:t + 1]", "far leaks missed"),
        ("range(5) -> range(2, 5)", "input 1 and 2 not moved"),
        ("not np.array_equal -> not np.allclose && ]): -> ], atol=0.1):", "a leak of a thousandth missed"),
    ],
    "torch.looks_ahead": [
        ("range(len(x) - 1) -> range(len(x) - 2)", "output 4 not tried"),
        ("range(len(x) - 1) -> range(1)", "output 1, 2, 3 and 4 not tried"),
        ("[:t + 1] -> ", "false alarm"),
        ("other[t + 1:] += 1 -> other[t:] += 1", "false alarm"),
        ("range(len(x) - 1) -> range(0)", "every leak missed"),
        ("[:t + 1] -> [:t]", "one step ahead missed"),
        ("other[t + 1:] += 1 -> other[t + 1:] = other[t + 1:].flip(0) && (function(x)[:t + 1] == function(other)[:t + 1]).all() -> torch.allclose(function(x)[:t + 1], function(other)[:t + 1])", "output 4 not tried"),
        ("range(len(x) - 1) -> range(1, len(x) - 1) && function(x)[:t + 1] == function(other)[:t + 1] -> function(x)[t] == function(other)[t]", "output 0 not tried"),
    ],
    "share_of_products": [
        ("24 * -> 8 *", "backward pass missing"),
        ("24 * -> 12 *", "products counted, not operations"),
        ("T * calls -> calls", "calls for T * calls"),
        ("return products / -> return T * calls * price /", "share of the calls"),
        ("return products / (products + T * calls * price) -> return products / T / calls / price", "products over calls"),
        ("return products -> return 100 * products", "in percent"),
    ],
    "nn.activations": [
        ("itemsize * per_step -> per_step", "numbers, not bytes"),
        ("7 * layers -> 6 * layers", "6 for 7"),
        (" + (layers - 1) -> ", "what is read not kept"),
        (" * (1 + both) -> ", "one direction"),
        ("per_step * (1 + both) -> (7 * layers * (1 + both) + layers - 1)", "one direction read"),
        (" * B * H ->  * H", "batch missing"),
    ],
    "torch.summary": [
        ("out[0, :, H:] -> out[-1, :, H:]", "out[-1]"),
        ("out[-1, :, :H] -> out[0, :, :H]", "out[0]"),
        ("[out[-1, :, :H], out[0, :, H:]] -> [out[0, :, H:], out[-1, :, :H]]", "halves exchanged"),
        ("dim=1 -> dim=0", "np.concatenate([forward, backward]) for np.concatenate([forward, backward], axis=1)"),
    ],
    "torch.open_forget_gates": [
        ("startswith(\"bias\") -> startswith(\"none\")", "left as they were"),
        ("startswith(\"bias\") -> endswith(\"l0\") and name.startswith(\"bias\")", "some layers left"),
        ("bias if \"_ih_\" in name else 0.0 -> bias", "both biases set"),
        ("] = bias if -> ] += bias if", "added to what was drawn"),
        ("in name else 0.0 -> in name else parameter[H:2 * H]", "bias_hh left"),
        ("parameter[H:2 * H] = -> parameter[H:3 * H] =", "other gates changed"),
    ],
    "torch.init_state": [
        ("entries, batch -> batch, entries", "first axis"),
        ("net.num_layers * -> 1 *", "num_layers"),
        (" * (2 if net.bidirectional else 1) -> ", "bidirectional"),
        ("return h0, -> if net.batch_first: h0 = h0.transpose(0, 1)\n    return h0,", "batch_first"),
        ("net.proj_size or net.hidden_size -> net.hidden_size", "proj_size"),
        ("batch, net.hidden_size) -> batch, net.proj_size or net.hidden_size)", "proj_size"),
        ("like.new_zeros -> like.new_ones", "not zero"),
        ("return h0, like -> return h0.float(), like", "another type"),
        ("return h0, -> return", "no pair"),
    ],
    "torch.pool_both": [
        ("/ lengths[:, None] -> / len(out)", "mean counts the padding"),
        ("-torch.inf -> 0.0", "padding wins"),
        ("[mean, out.where(mask, -torch.inf).amax(dim=0)] -> [out.where(mask, -torch.inf).amax(dim=0), mean]", "halves exchanged"),
        ("out.where(mask, 0.0).sum(dim=0) -> (out * mask).sum(dim=0)", "mask multiplied"),
        (" / lengths[:, None] -> ", "sum for the mean"),
    ],
    "sign_test": [
        ("if abs(k - m / 2) >= far -> if (k <= a if a < m / 2 else k >= a)", "one side only"),
        ("if abs(k - m / 2) >= far -> if k == a", "exactly this count"),
        (">= far -> > far", "further only"),
        ("m = int(a + b) -> m = len(first); a = first.sum()", "all utterances counted"),
        ("return sum -> return 2 * sum && if abs(k - m / 2) >= far -> if k <= min(a, b)", "the middle counted twice"),
    ],
    "buckets": [
        ("range(0, len(order), size) -> range(0, len(order) - size, size)", "sequences left out"),
        ("order[k:k + size] for k -> order[k:k + 2 * size] for k && range(0, len(order), size) -> range(0, len(order), 2 * size)", "batch too large"),
        ("order[k:k + size] for k -> order[k:k + 1] for k && range(0, len(order), size) -> range(0, len(order))", "batches too small"),
        (".argsort(kind=\"stable\") -> * 0 + np.arange(len(order))", "padding"),
        ("return [batches[k] for k in rng.permutation(len(batches))] -> return batches", "always the same order"),
        ("order = rng.permutation(len(lengths)) -> order = np.arange(len(lengths))", "always the same neighbours"),
    ],
    "decide": [
        (" & (steps < lengths) -> ", "padding read"),
        (" & (steps < lengths) ->  && , lengths - 1 -> , len(p) - 1", "padding read"),
        ("sure.argmax(axis=0), lengths - 1 -> sure.argmax(axis=0), 0", "never sure, first frame"),
        ("lengths - 1) -> lengths)", "never sure, one too far"),
        ("sure.argmax(axis=0), -> p.max(axis=2).argmax(axis=0),", "best for sure"),
        ("return np.where -> return 1 + np.where", "frames counted from 1"),
    ],
    "cut": [
        ("return train, -> return", "wrong number of outputs"),
        ("return train, -> return train[::-1],", "first[::-1] for first"),
        ("train = series[:known - valid] -> train = series[:known]", "leak into train"),
        ("train = series[:known - valid] -> train = series[:known - valid - length]", "train cut short"),
        ("length:known], -> length:known + 5],", "wrong shape"),
        ("length:known], -> length:known - 1],", "valid ends too early"),
        ("series[known - length:] -> series[known:]", "nothing to read in test"),
        ("series[known - length:] -> series[known - length - 1:]", "test_from - 1 for test_from"),
        ("known = len(series) - test -> known = 80", "wrong shape"),
    ],
    "seasonal": [
        ("past[len(past) - m + k % m] -> past[-1]", "last value"),
        ("past[len(past) - m + k % m] -> past[k % m]", "first season"),
        ("past[len(past) - m + k % m] -> past[len(past) - m - 1 + k % m]", "past[1:] for past"),
        ("past[len(past) - m + k % m] -> past[len(past) - 1 - k % m]", "backwards"),
        ("k % m] -> min(k, m - 1)]", "last value after the season"),
        ("k % m] -> k]", "exception"),
    ],
    "is_copy": [
        ("return skill > 0.95 -> return skill < 0.95", "True and False exchanged"),
        ("skill > 0.95 -> skill == 1", "copy with noise missed"),
        ("skill > 0.95 -> 0.9 < skill < 1.2", "later copy missed"),
        ("np.abs(last - actual).mean() -> np.abs(actual).mean()", "always the same answer"),
        ("return skill > 0.95 -> return skill > 0.001", "good forecast blamed"),
        ("return skill > 0.95 -> return skill > 0.2", "offset blamed"),
        ("return skill > 0.95 -> return (forecast - actual).std() > 0.2 * (last - actual).std()", "knowing forecast blamed"),
        ("return skill > 0.95 -> return np.abs(forecast - actual).mean() > 0.01 * np.abs(actual).mean()", "copy far from zero missed"),
        ("return skill > 0.95 -> return np.corrcoef(forecast[1:], actual[:-1])[0, 1] > 0.9", "worse forecast missed"),
    ],
    "seeds_needed": [
        ("math.ceil -> int", "not rounded up"),
        ("math.ceil -> round", "rounded to the nearest"),
        ("math.ceil -> ", "not rounded"),
        ("2 * (1.96 -> (1.96", "factor 2 missing"),
        ("spread / gap -> gap / spread", "upside down"),
        ("(spread / gap) ** 2 -> abs(spread / gap)", "gap not squared"),
    ],
    "torch.zoneout": [
        ("return share * old + (1 - share) * new -> return new", "in use: the new alone"),
        ("share * old + (1 - share) * new -> (1 - share) * old + share * new", "in use: shares exchanged"),
        ("return share * old + (1 - share) * new -> return old", "in use: the old alone"),
        ("old, new) -> old, new / (1 - share))", "enlarged"),
        ("return torch.where(torch.rand_like(new) < share, old, new) -> return share * old + (1 - share) * new", "in training: mixed"),
        ("share * old + (1 - share) * new -> (1 - share) * new", "in use: no average"),
        ("share * old + (1 - share) * new -> old + (1 - share) * new", "in use: no average"),
        ("share, old, new) -> share, new, old)", "in training: shares exchanged"),
        ("< share, -> < 0.5,", "in training: wrong share"),
        ("torch.rand_like(new) -> torch.rand(new.shape, generator=torch.Generator().manual_seed(0))", "always the same mask"),
    ],
    "torch.average": [
        ("n * g for g, n in pairs) / sum(n for _, n in pairs) -> g for g, n in pairs) / len(pairs)", "plain mean"),
        ("sum(n * g for g, n in pairs) / sum(n for _, n in pairs) -> sum(g for g, _ in pairs)", "sum"),
        (" / sum(n for _, n in pairs) -> ", "not divided"),
        (" / sum(n for _, n in pairs) ->  / len(sizes)", "divided by the processes"),
        (" if n] -> ]", "empty share read"),
    ],
    "torch.serve": [
        ("out[0])) -> out[0][0]))", "wrong output"),
        ("zip(inputs, out[0]) -> zip(inputs, out.swapaxes(0, 1))", "wrong output"),
        ("        states[client] = ->         gone =", "states not kept"),
        ("states.get(client, zeros) -> zeros", "every step from zeros"),
        ("h[:, k:k + 1].clone(), c[:, k:k + 1].clone() -> h[:, k:k + 1].clone(), (c[:, k:k + 1].clone(),) ", "exception"),
        ("in enumerate(inputs) -> in enumerate(sorted(inputs))", "clients mixed"),
        (
            "out, (h, c) = lstm(torch.stack(list(inputs.values()))[None], (h, c)) -> parts = [lstm(v[None, None], (h[:, k:k + 1].contiguous(), c[:, k:k + 1].contiguous())) for k, v in enumerate(inputs.values())]; out = torch.cat([p[0] for p in parts], 1); h, c = (torch.cat([p[1][j] for p in parts], 1) for j in (0, 1))",
            "one call a client",
        ),
    ],
}  # fmt: skip
BANK = [(kind, edit, name) for kind, slips in SLIPS.items() for edit, name in slips]


def written(kind, edit=""):
    """Return a learner's function, its text edited."""
    source = ANSWERS[kind]
    for one in edit.split(" && ") if edit else []:
        old, new = one.split(" -> ")
        assert old in source, (kind, edit)
        source = source.replace(old, new)
    scope = {}
    exec(TOOLS + source, scope)
    return scope["fn"]
