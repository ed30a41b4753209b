"""What stands around a cell, gone wrong: initial weights, data, losses, masks, layouts."""

import numpy as np

from tests.exercises.mistakes import mistake

KERAS_BIAS = "https://github.com/keras-team/keras/issues/3088"
CHAINER = "https://github.com/chainer/chainer/pull/2425"
CANDLE = "https://github.com/huggingface/candle/issues/2351"
TF_KERAS = "https://github.com/tensorflow/tensorflow/issues/29622"


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def uniform(rng, bound, *shape):
    return rng.uniform(-bound, bound, shape)


@mistake("lstm.init", "the weights are normal, not uniform", "W_ih W_hh")
def init_normal(input_size, hidden_size, rng):
    H = hidden_size
    b = uniform(rng, H**-0.5, 4 * H)
    b[H : 2 * H] = 1
    return (
        rng.standard_normal((4 * H, input_size)) / np.sqrt(H),
        rng.standard_normal((4 * H, H)) / np.sqrt(H),
        b,
    )


@mistake("lstm.init", "the weights are all positive: uniform from 0 to 1/√H", "W_ih W_hh")
def init_positive(input_size, hidden_size, rng):
    H = hidden_size
    k = 1 / np.sqrt(H)
    b = rng.random(4 * H) * k
    b[H : 2 * H] = 1
    return rng.random((4 * H, input_size)) * k, rng.random((4 * H, H)) * k, b


@mistake("lstm.init", "the bound is 1/√D for W_ih, not 1/√H", "W_ih")
def init_bound_by_inputs(input_size, hidden_size, rng):
    D, H = input_size, hidden_size
    b = uniform(rng, H**-0.5, 4 * H)
    b[H : 2 * H] = 1
    return uniform(rng, D**-0.5, 4 * H, D), uniform(rng, H**-0.5, 4 * H, H), b


@mistake("lstm.init", "the bound is 1/H, not 1/√H", "W_ih W_hh")
def init_bound_without_root(input_size, hidden_size, rng):
    D, H = input_size, hidden_size
    b = uniform(rng, 1 / H, 4 * H)
    b[H : 2 * H] = 1
    return uniform(rng, 1 / H, 4 * H, D), uniform(rng, 1 / H, 4 * H, H), b


@mistake("lstm.init", "the forget biases are not set to 1", "b f", CHAINER)
def init_forget_not_open(input_size, hidden_size, rng):
    D, H = input_size, hidden_size
    return (
        uniform(rng, H**-0.5, 4 * H, D),
        uniform(rng, H**-0.5, 4 * H, H),
        uniform(rng, H**-0.5, 4 * H),
    )


@mistake(
    "lstm.init",
    "the input gate's biases are set to 1 instead of the forget gate's",
    "b i",
    KERAS_BIAS,
)
def init_input_gate_opened(input_size, hidden_size, rng):
    D, H = input_size, hidden_size
    b = uniform(rng, H**-0.5, 4 * H)
    b[:H] = 1
    return uniform(rng, H**-0.5, 4 * H, D), uniform(rng, H**-0.5, 4 * H, H), b


@mistake("lstm.init", "all biases are 1", "b")
def init_all_biases_one(input_size, hidden_size, rng):
    D, H = input_size, hidden_size
    return uniform(rng, H**-0.5, 4 * H, D), uniform(rng, H**-0.5, 4 * H, H), np.ones(4 * H)


@mistake("lstm.init", "all weights are zero", "W_ih W_hh")
def init_zeros(input_size, hidden_size, rng):
    D, H = input_size, hidden_size
    b = np.zeros(4 * H)
    b[H : 2 * H] = 1
    return np.zeros((4 * H, D)), np.zeros((4 * H, H)), b


@mistake("lstm.init", "all four gates get the same weights", "W_ih W_hh")
def init_gates_alike(input_size, hidden_size, rng):
    D, H = input_size, hidden_size
    W, U = uniform(rng, H**-0.5, H, D), uniform(rng, H**-0.5, H, H)
    b = uniform(rng, H**-0.5, 4 * H)
    b[H : 2 * H] = 1
    return np.concatenate([W, W, W, W]), np.concatenate([U, U, U, U]), b


@mistake("lstm.init", "the given generator is not used: every layer is the same", "rng")
def init_with_a_seed_of_its_own(input_size, hidden_size, rng):
    np.random.seed(0)
    D, H = input_size, hidden_size
    k = H**-0.5
    b = np.random.uniform(-k, k, 4 * H)
    b[H : 2 * H] = 1
    return np.random.uniform(-k, k, (4 * H, D)), np.random.uniform(-k, k, (4 * H, H)), b


@mistake("lstm.init", "the recurrent weights are the identity", "W_hh")
def init_identity(input_size, hidden_size, rng):
    D, H = input_size, hidden_size
    b = uniform(rng, H**-0.5, 4 * H)
    b[H : 2 * H] = 1
    return uniform(rng, H**-0.5, 4 * H, D), np.tile(np.eye(H), (4, 1)), b


@mistake("lstm.init", "the recurrent weights are ten times too small", "W_hh")
def init_small_recurrence(input_size, hidden_size, rng):
    D, H = input_size, hidden_size
    b = uniform(rng, H**-0.5, 4 * H)
    b[H : 2 * H] = 1
    return uniform(rng, H**-0.5, 4 * H, D), 0.1 * uniform(rng, H**-0.5, 4 * H, H), b


@mistake("lstm.port", "the rows stay in the order f, i, g, o", "f i", CANDLE)
def port_rows_left(W, b, H):
    return W[:, H:], W[:, :H], b


@mistake(
    "lstm.port",
    "the columns are cut the wrong way: the inputs' columns are taken for the state's",
    "W_ih W_hh",
    TF_KERAS,
)
def port_columns_exchanged(W, b, H):
    D = W.shape[1] - H
    f, i, g, o = np.split(W, 4)
    bf, bi, bg, bo = np.split(b, 4)
    W = np.concatenate([i, f, g, o])
    return W[:, :D], W[:, D:], np.concatenate([bi, bf, bg, bo])


@mistake("lstm.port", "the weights are put in order, the bias is not", "b")
def port_bias_left(W, b, H):
    f, i, g, o = np.split(W, 4)
    W = np.concatenate([i, f, g, o])
    return W[:, H:], W[:, :H], b


@mistake("lstm.port", "the rows end in the order i, f, o, g", "g o")
def port_to_ifog(W, b, H):
    f, i, g, o = np.split(W, 4)
    bf, bi, bg, bo = np.split(b, 4)
    W = np.concatenate([i, f, o, g])
    return W[:, H:], W[:, :H], np.concatenate([bi, bf, bo, bg])


@mistake("windows", "the last window is missing", "")
def windows_one_too_few(series, length, horizon):
    x, y = [], []
    for t in range(len(series) - length - horizon):
        x.append(series[t : t + length])
        y.append(series[t + length : t + length + horizon])
    return np.array(x), np.array(y)


@mistake("windows", "the targets begin one step late", "y")
def windows_gap(series, length, horizon):
    N = len(series) - length - horizon + 1
    x = np.array([series[t : t + length] for t in range(N)])
    padded = np.append(series, series[-1])
    return x, np.array([padded[t + length + 1 : t + length + 1 + horizon] for t in range(N)])


@mistake("windows", "the targets overlap the window: its last value is among them", "y")
def windows_leak(series, length, horizon):
    N = len(series) - length - horizon + 1
    x = np.array([series[t : t + length] for t in range(N)])
    return x, np.array([series[t + length - 1 : t + length - 1 + horizon] for t in range(N)])


@mistake("windows", "the windows do not overlap: each begins where the last one ended", "")
def windows_side_by_side(series, length, horizon):
    starts = range(0, len(series) - length - horizon + 1, length)
    return np.array([series[t : t + length] for t in starts]), np.array(
        [series[t + length : t + length + horizon] for t in starts]
    )


@mistake("windows", "the values of each window run backwards", "x")
def windows_backwards(series, length, horizon):
    N = len(series) - length - horizon + 1
    x = np.array([series[t : t + length][::-1] for t in range(N)])
    return x, np.array([series[t + length : t + length + horizon] for t in range(N)])


@mistake("windows", "every row of y is the last value of the horizon", "y")
def windows_last_of_the_horizon(series, length, horizon):
    N = len(series) - length - horizon + 1
    x = np.array([series[t : t + length] for t in range(N)])
    return x, np.array([[series[t + length + horizon - 1]] * horizon for t in range(N)])


@mistake("standardise", "the statistics are those of training and test data together (a leak)", "")
def standardise_by_all(train, test):
    everything = np.vstack([train, test])
    m, s = everything.mean(axis=0), everything.std(axis=0)
    return (train - m) / s, (test - m) / s


@mistake("standardise", "the test data are scaled by their own statistics", "test")
def standardise_each_by_itself(train, test):
    return (train - train.mean(0)) / train.std(0), (test - test.mean(0)) / test.std(0)


@mistake("standardise", "one mean and one deviation stand for all columns", "")
def standardise_over_columns(train, test):
    m, s = train.mean(), train.std()
    return (train - m) / s, (test - m) / s


@mistake("standardise", "rows are scaled, not columns", "")
def standardise_rows(train, test):
    def scale(a):
        return (a - a.mean(axis=1, keepdims=True)) / a.std(axis=1, keepdims=True)

    return scale(train), scale(test)


@mistake("standardise", "divided by the variance, not the standard deviation", "")
def standardise_by_variance(train, test):
    m, v = train.mean(0), train.var(0)
    return (train - m) / v, (test - m) / v


@mistake("standardise", "scaled to the range 0 to 1 by minimum and maximum", "")
def standardise_min_max(train, test):
    low, high = train.min(0), train.max(0)
    return (train - low) / (high - low), (test - low) / (high - low)


@mistake("standardise", "the mean is not subtracted", "")
def standardise_without_mean(train, test):
    return train / train.std(0), test / train.std(0)


@mistake("cross_entropy", "the logarithm is to base 2: bits, not nats", "")
def cross_entropy_in_bits(logits, targets):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return -np.log2(p[np.arange(len(targets)), targets]).mean()


@mistake("cross_entropy", "the losses are summed, not averaged", "")
def cross_entropy_summed(logits, targets):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return -np.log(p[np.arange(len(targets)), targets]).sum()


@mistake("cross_entropy", "the sign is wrong", "")
def cross_entropy_positive_log(logits, targets):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return np.log(p[np.arange(len(targets)), targets]).mean()


@mistake("cross_entropy", "the softmax is taken over the batch, not over the classes", "")
def cross_entropy_softmax_over_batch(logits, targets):
    p = np.exp(logits - logits.max())
    p /= p.sum(axis=0)
    return -np.log(p[np.arange(len(targets)), targets]).mean()


@mistake("cross_entropy", "the mean is over classes too: divided by B·K", "")
def cross_entropy_over_classes(logits, targets):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    one_hot = np.eye(logits.shape[1])[targets]
    return -(one_hot * np.log(p)).mean()


@mistake("cross_entropy", "large logits overflow", "")
def cross_entropy_overflows(logits, targets):
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return -np.log(p[np.arange(len(targets)), targets]).mean()


@mistake("cross_entropy", "a small number is added inside the logarithm", "")
def cross_entropy_with_epsilon(logits, targets):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return -np.log(p[np.arange(len(targets)), targets] + 1e-3).mean()


@mistake("cross_entropy_gradient", "not divided by the batch size", "")
def gradient_not_averaged(logits, targets):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(len(targets)), targets] -= 1
    return p


@mistake("cross_entropy_gradient", "the one-hot target is not subtracted", "")
def gradient_without_target(logits, targets):
    p = np.exp(logits - logits.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True) / len(logits)


@mistake("cross_entropy_gradient", "the sign is wrong: target minus probability", "")
def gradient_sign(logits, targets):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return (np.eye(logits.shape[1])[targets] - p) / len(logits)


@mistake("cross_entropy_gradient", "multiplied by the slope p (1 - p) of a sigmoid", "")
def gradient_with_a_slope(logits, targets):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return (p - np.eye(logits.shape[1])[targets]) * p * (1 - p) / len(logits)


@mistake("perplexity", "it is the mean loss, not its exponential", "")
def perplexity_without_exp(nats):
    return nats.mean()


@mistake("perplexity", "the mean of the perplexities of the sequences, not of the losses", "")
def perplexity_mean_of_sequences(nats):
    return np.exp(nats.mean(axis=0)).mean()


@mistake("perplexity", "2 to the power of nats", "")
def perplexity_base_two(nats):
    return 2 ** nats.mean()


@mistake("perplexity", "the mean of the exponentials", "")
def perplexity_mean_of_exponentials(nats):
    return np.exp(nats).mean()


@mistake("bits_per_character", "multiplied by log 2 instead of divided", "")
def bits_multiplied(nats):
    return nats.mean() * np.log(2)


@mistake("bits_per_character", "still in nats", "")
def bits_in_nats(nats):
    return nats.mean()


@mistake("clip_by_norm", "each array is clipped by its own norm", "")
def clip_each_by_itself(grads, max_norm):
    return [g * min(1, max_norm / np.linalg.norm(g)) for g in grads]


@mistake("clip_by_norm", "small gradients are scaled up to the norm", "")
def clip_scales_up(grads, max_norm):
    norm = np.sqrt(sum((g**2).sum() for g in grads))
    return [g * max_norm / norm for g in grads]


@mistake("clip_by_norm", "the square root is missing: divided by the squared norm", "")
def clip_without_root(grads, max_norm):
    norm = sum((g**2).sum() for g in grads)
    return [g * max_norm / norm if norm > max_norm else g for g in grads]


@mistake("clip_by_value", "only the upper side is clipped", "")
def clip_upper_side(grads, clip_value):
    return [np.minimum(g, clip_value) for g in grads]


@mistake("last_valid", "the last step of the batch is taken for all: padding and all", "")
def last_step_of_all(hs, lengths):
    return hs[-1]


@mistake("last_valid", "one step too late: hs[length]", "")
def one_step_too_late(hs, lengths):
    T = len(hs)
    return np.array([hs[min(n, T - 1), k] for k, n in enumerate(lengths)])


@mistake("last_valid", "one step too early", "")
def one_step_too_early(hs, lengths):
    return np.array([hs[max(n - 2, 0), k] for k, n in enumerate(lengths)])


@mistake("last_valid", "the longest length is used for every sequence", "")
def longest_for_all(hs, lengths):
    return hs[max(lengths) - 1]


@mistake("last_valid", "the mean over all steps, padding too", "")
def mean_over_all(hs, lengths):
    return hs.mean(axis=0)


@mistake("pack", "the sequences are not sorted by length", "data")
def pack_unsorted(hs, lengths):
    T = max(lengths)
    data = [hs[t, k] for t in range(T) for k in range(len(lengths)) if t < lengths[k]]
    return np.array(data), np.array([sum(n > t for n in lengths) for t in range(T)])


@mistake("pack", "sequence after sequence, not step after step", "data")
def pack_by_sequence(hs, lengths):
    order = np.argsort(-np.asarray(lengths), kind="stable")
    data = np.concatenate([hs[: lengths[k], k] for k in order])
    return data, np.array([sum(n > t for n in lengths) for t in range(max(lengths))])


@mistake("pack", "batch_sizes are the lengths", "batch_sizes")
def pack_sizes_are_lengths(hs, lengths):
    order = np.argsort(-np.asarray(lengths), kind="stable")
    data = [hs[t, k] for t in range(max(lengths)) for k in order if t < lengths[k]]
    return np.array(data), np.sort(lengths)[::-1].copy()


@mistake("mase", "scaled by the test data's own naive error", "")
def mase_by_the_test(y_hat, y, train, season):
    return np.abs(y - y_hat).mean() / np.abs(y[season:] - y[:-season]).mean()


@mistake("mase", "the season is not used: scaled by the naive error of one step", "season")
def mase_of_one_step(y_hat, y, train, season):
    return np.abs(y - y_hat).mean() / np.abs(np.diff(train)).mean()


@mistake("mase", "squared errors instead of absolute ones", "")
def mase_squared(y_hat, y, train, season):
    return ((y - y_hat) ** 2).mean() / ((train[season:] - train[:-season]) ** 2).mean()


@mistake("numerical_gradient", "one-sided: the error is of the order of the step", "")
def slope_one_sided(f, x, h=1e-4):
    grad = np.zeros_like(x)
    for k in np.ndindex(*x.shape):
        moved = x.copy()
        moved[k] += h
        grad[k] = (f(moved) - f(x)) / h
    return grad


@mistake("numerical_gradient", "divided by h, not by 2h", "")
def slope_by_h(f, x, h=1e-5):
    grad = np.zeros_like(x)
    for k in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[k] += h
        down[k] -= h
        grad[k] = (f(up) - f(down)) / h
    return grad


@mistake(
    "numerical_gradient",
    "x is not put back: later entries are measured at another place",
    "",
    "https://newbe.dev/my-lstm-learns-loss-decreases-but-numerical-gradients-don-t-match-analytical-gradients",
)
def slope_not_put_back(f, x, h=1e-2):
    x = x.copy()
    grad = np.zeros_like(x)
    for k in np.ndindex(*x.shape):
        x[k] += h
        up = f(x)
        x[k] -= 2 * h
        grad[k] = (up - f(x)) / (2 * h)
    return grad


@mistake("seasonal", "the last season's values are repeated backwards", "")
def seasonal_backwards(past, m, K):
    return np.array([past[-1 - k % m] for k in range(K)])


@mistake("seasonal", "the last value alone is repeated", "")
def seasonal_last_value(past, m, K):
    return np.full(K, past[-1])


@mistake("seasonal", "one step early: the season begins with the last value", "")
def seasonal_shifted(past, m, K):
    season = np.roll(past[-m:], 1)
    return np.array([season[k % m] for k in range(K)])
