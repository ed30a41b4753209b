"""The learners are the papers' equations, and what is said of their order dependence holds."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd.functional import hvp
from torch.func import functional_call

from lstm_tutorial.fewshot import episodes, learners

DOUBLE = torch.float64


def drawn(count=3, shots=4, queries=6, seed=0):
    """Return sines in double precision."""
    return learners.tensors(episodes.sines(count, shots, seed, queries=queries), DOUBLE)


def pictures(seed=0, shots=2):
    rng = np.random.default_rng(seed)
    given = episodes.classes(rng.random((6, 6, 5)), 3, shots, 4, rng, queries=3)
    return learners.tensors(given, DOUBLE)


def learner(name, inputs=1, outputs=1, labels=False):
    """Return an untrained learner in double precision."""
    torch.manual_seed(0)
    made = {
        "batch": lambda: learners.LSTMLearner(inputs, outputs, 7, 2, "batch", 3, labels),
        "batch, cell kept": lambda: learners.LSTMLearner(
            inputs, outputs, 7, 2, labels=labels, keep_cell=True
        ),
        "sequence": lambda: learners.LSTMLearner(inputs, outputs, 7, 2, "sequence", 2, labels),
        "OP-LSTM": lambda: learners.OPLSTM(
            learners.mlp(inputs, 8, 6), 6, outputs, 4, labels=labels
        ),
        "MAML": lambda: learners.MAML(learners.mlp(inputs, 8, outputs), 3, 0.05, labels),
        "prototypes": lambda: learners.Prototypes(learners.mlp(inputs, 8)),
    }
    return made[name]().to(DOUBLE)


REGRESSION = ["batch", "batch, cell kept", "sequence", "OP-LSTM", "MAML"]
ALL = [(name, False) for name in REGRESSION] + [(n, True) for n in [*REGRESSION, "prototypes"]]


def case(name, labels):
    given = pictures() if labels else drawn()
    net = learner(name, 5, 3, True) if labels else learner(name)
    return net, given


def test_arrays_that_were_turned_round_become_tensors():
    given = episodes.sines(2, 3, 0, queries=4)
    turned = learners.tensors(episodes.Episodes(*(part[:, ::-1] for part in given)), DOUBLE)
    for tensor, part in zip(turned, given, strict=True):
        assert tensor.dtype == DOUBLE and np.array_equal(tensor.flip(1), part)


@pytest.mark.parametrize(("name", "labels"), ALL)
def test_an_answer_for_each_query_of_each_episode(name, labels):
    net, given = case(name, labels)
    answers = net(*given[:3])
    assert answers.shape == given.query_y.shape
    loss = (learners.cross_entropy if labels else learners.squared_error)(net, given)
    assert loss.isfinite() and loss.shape == ()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize(("name", "labels"), ALL)
def test_episodes_do_not_see_one_another(name, labels):
    net, given = case(name, labels)
    together = net(*given[:3])
    alone = torch.cat([net(*(part[[k]] for part in given[:3])) for k in range(len(together))])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "labels"), ALL)
def test_queries_do_not_see_one_another(name, labels):
    net, given = case(name, labels)
    together = net(*given[:3])
    x, y, query_x, _ = given
    alone = torch.cat([net(x, y, query_x[:, [q]]) for q in range(query_x.shape[1])], dim=1)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "labels"), ALL)
def test_the_order_of_the_support_set_matters_to_the_sequence_alone(name, labels):
    net, given = case(name, labels)
    x, y, query_x, _ = given
    order = torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(1))
    assert not torch.equal(order, torch.arange(len(order)))
    change = (net(x[:, order], y[:, order], query_x) - net(x, y, query_x)).abs()
    if name == "sequence":
        assert (change.amax(dim=(1, 2)) > 1e-6).all()
    else:
        assert change.max() < 1e-12


def test_the_batch_reader_is_a_loop_over_passes():
    net = learner("batch")
    cells = [nn.LSTMCell(2, 7), nn.LSTMCell(7, 7)]
    for layer, cell in enumerate(cells):
        for name, weight in cell.to(DOUBLE).named_parameters():
            weight.data = getattr(net.lstm, f"{name}_l{layer}").data
    x, y, query_x, _ = drawn()
    answers = net(x, y, query_x)
    for e in range(3):
        h, c = torch.zeros(2, 2, 4, 7, dtype=DOUBLE)  # layer, example, unit
        for _ in range(3):
            inputs = torch.cat([x[e], y[e]], dim=1)
            after = []
            for layer, cell in enumerate(cells):
                inputs, memory = cell(inputs, (h[layer], c[layer]))
                after.append((inputs, memory))
            h = torch.stack([a.mean(dim=0).expand(4, -1) for a, _ in after])
            c = torch.stack([memory for _, memory in after])
        for q in range(6):
            inputs = torch.cat([query_x[e, q], torch.zeros(1, dtype=DOUBLE)])
            for layer, cell in enumerate(cells):
                inputs, _ = cell(inputs, (h[layer, 0], torch.zeros(7, dtype=DOUBLE)))
            torch.testing.assert_close(answers[e, q], net.linear(inputs), rtol=0, atol=1e-12)


def test_the_sequence_reader_is_an_lstm_that_reads_on():
    net = learner("sequence")
    x, y, query_x, _ = drawn()
    answers = net(x, y, query_x)
    for e in range(3):
        read = torch.cat([x[e], y[e]], dim=1).repeat(2, 1)
        _, (h, c) = net.lstm(read)
        for q in range(6):
            asked = torch.stack([query_x[e, q, 0], torch.zeros((), dtype=DOUBLE)])
            out, _ = net.lstm(asked[None], (h, torch.zeros_like(c)))
            torch.testing.assert_close(answers[e, q], net.linear(out[0]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["batch", "sequence"])
def test_a_query_starts_from_an_empty_cell_unless_it_is_kept(name):
    net = learner(name)
    x, y, query_x, _ = drawn()
    h, c = net.adapt(x, y)
    fewer = net.answer(learners.States(h, c + 1), query_x)
    assert torch.equal(fewer, net.answer(learners.States(h, c), query_x))
    net.keep_cell = True
    assert not torch.allclose(net.answer(learners.States(h, c + 1), query_x), fewer)


@pytest.mark.parametrize("labels", [False, True])
def test_the_outer_product_lstm_is_a_loop_over_the_papers_equations(labels):
    net, given = case("OP-LSTM", labels)
    x, y, query_x, _ = given
    fast = net.adapt(x, y)
    K, outputs = y.shape[1:]
    for e in range(len(x)):
        a = [net.base(x[e, i]) for i in range(K)]
        W = net.start.weight
        inner, outer = ([[None] * outputs for _ in range(K)] for _ in range(2))
        for _ in range(4):
            move = torch.zeros_like(W)
            for i in range(K):
                p = W @ a[i] + net.start.bias
                u = []
                for o in range(outputs):
                    pair = torch.stack([y[e, i, o], p[o]])[None]
                    out, inner[i][o] = net.inner(pair, inner[i][o])
                    out, outer[i][o] = net.outer(out, outer[i][o])
                    u.append(out[0, 0])
                move = move + torch.outer(torch.stack(u), a[i]) / K
            W = W + net.gamma * move / move.norm()
        torch.testing.assert_close(fast[e], W, rtol=0, atol=1e-12)
        wanted = torch.stack([W @ net.base(q) + net.start.bias for q in query_x[e]])
        torch.testing.assert_close(net(x, y, query_x)[e], wanted, rtol=0, atol=1e-12)


def test_fast_weights_that_need_not_move_give_no_nan():
    net = learner("OP-LSTM")
    for p in [*net.inner.parameters(), *net.outer.parameters()]:
        p.data.zero_()  # then u is 0, and so is the length of the move
    given = drawn()
    loss = learners.squared_error(net, given)
    loss.backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())
    assert torch.equal(net.adapt(*given[:2])[0], net.start.weight)


@pytest.mark.parametrize("labels", [False, True])
def test_mamls_inner_steps_are_descent_on_each_support_set(labels):
    net, given = case("MAML", labels)
    x, y, query_x, _ = given
    weights = net.adapt(x, y)
    loss = nn.functional.cross_entropy if labels else nn.functional.mse_loss
    for e in range(len(x)):
        torch.manual_seed(0)
        plain = learners.mlp(x.shape[2], 8, y.shape[2]).to(DOUBLE)
        sgd = torch.optim.SGD(plain.parameters(), lr=0.05)
        for _ in range(3):
            sgd.zero_grad()
            loss(plain(x[e]), y[e]).backward()
            sgd.step()
        for name, weight in plain.named_parameters():
            torch.testing.assert_close(weights[name][e], weight, rtol=0, atol=1e-12)
        answers = net(x, y, query_x)[e]
        torch.testing.assert_close(answers, plain(query_x[e]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("labels", [False, True])
def test_mamls_gradient_agrees_with_finite_differences(labels):
    net, given = case("MAML", labels)
    net.net[1] = nn.Tanh()  # smooth: a step across the corner of a ReLU has no derivative
    loss = learners.cross_entropy if labels else learners.squared_error
    loss(net, given).backward()
    rng, step = np.random.default_rng(0), 1e-5
    for p in net.parameters():
        for k in rng.choice(p.numel(), min(5, p.numel()), replace=False):
            flat = p.data.view(-1)
            sides = []
            for sign in (1, -1):
                flat[k] += sign * step
                sides.append(loss(net, given).item())
                flat[k] -= sign * step
            numeric = (sides[0] - sides[1]) / (2 * step)
            assert p.grad.view(-1)[k].item() == pytest.approx(numeric, rel=1e-6, abs=1e-8)


def test_the_orders_differ_by_the_hessian_term():
    """After one inner step: second order = first order - lr * Hessian @ first order."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, 1)).to(DOUBLE)
    x, y, *_ = given = drawn(count=1)
    gradients = []
    for first_order in (False, True):
        maml = learners.MAML(net, 1, 0.1, first_order=first_order)
        found = torch.autograd.grad(learners.squared_error(maml, given), list(net.parameters()))
        gradients.append(found)
    second, first = gradients
    names = [name for name, _ in net.named_parameters()]

    def support_loss(*weights):
        named = dict(zip(names, weights, strict=True))
        return nn.functional.mse_loss(functional_call(net, named, (x[0],)), y[0])

    start = tuple(p.detach() for p in net.parameters())
    _, term = hvp(support_loss, start, first)
    assert max(t.abs().max() for t in term) > 1e-3
    for s, f, t in zip(second, first, term, strict=True):
        torch.testing.assert_close(s, f - 0.1 * t, rtol=0, atol=1e-12)


def test_first_order_changes_the_gradient_and_not_the_answers():
    given = drawn()
    second, first = learner("MAML"), learner("MAML")
    first.first_order = True
    torch.testing.assert_close(second(*given[:3]), first(*given[:3]), rtol=0, atol=0)
    for net in (second, first):
        learners.squared_error(net, given).backward()
    pairs = zip(second.parameters(), first.parameters(), strict=True)
    assert not all(torch.allclose(a.grad, b.grad) for a, b in pairs)


def test_maml_adapts_where_gradients_are_switched_off():
    net, given = learner("MAML"), drawn()
    with torch.no_grad():
        without = net(*given[:3])
    torch.testing.assert_close(without, net(*given[:3]).detach(), rtol=0, atol=1e-12)


def test_prototypes_without_an_encoder_are_those_of_the_baseline():
    given = pictures()
    scores = learners.Prototypes(nn.Identity())(*given[:3])
    wanted = episodes.prototypes(*(part.numpy() for part in given[:3]))
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-12)


def test_the_losses_are_the_usual_ones():
    given = pictures()
    net = learner("prototypes", 5)
    scores, labels = net(*given[:3]).flatten(0, 1), given.query_y.argmax(dim=2).flatten()
    wanted = nn.functional.cross_entropy(scores, labels)
    torch.testing.assert_close(learners.cross_entropy(net, given), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("labels", [False, True])
def test_from_scratch_trains_each_network_as_if_it_were_alone(labels):
    given = pictures() if labels else drawn()
    x, y, query_x, _ = given
    sizes = x.shape[2], 6, y.shape[2]

    def new():
        return learners.mlp(*sizes).to(DOUBLE)

    torch.manual_seed(3)
    answers = learners.from_scratch(new, given, 20, 0.01, labels)
    torch.manual_seed(3)
    nets = [new() for _ in range(len(x))]
    loss = nn.functional.cross_entropy if labels else nn.functional.mse_loss
    for e, net in enumerate(nets):
        adam = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(20):
            adam.zero_grad()
            loss(net(x[e]), y[e]).backward()
            adam.step()
        torch.testing.assert_close(answers[e], net(query_x[e]).detach(), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("name", "labels"), ALL)
def test_an_empty_support_set_is_named(name, labels):
    net, given = case(name, labels)
    x, y, query_x, _ = given
    with pytest.raises(ValueError, match=r"^support_x: expected shape .*no axis empty"):
        net(x[:, :0], y[:, :0], query_x)
    with pytest.raises(ValueError, match=r"^support_y: expected shape \(E="):
        net(x, y[:, :1], query_x)
    with pytest.raises(ValueError, match=r"^query_x: expected shape \(E="):
        net(x, y, query_x[1:])


@pytest.mark.parametrize("name", [name for name, labels in ALL if labels])
def test_a_class_without_an_example_is_named(name):
    net, given = case(name, True)
    x, y, query_x, _ = given
    one = torch.zeros_like(y)
    one[..., 1] = 1
    with pytest.raises(ValueError, match=r"^support_y: .*got none of class 0 in episode 0"):
        net(x, one, query_x)
    with pytest.raises(ValueError, match=r"^support_y: expected one-hot rows"):
        net(x, y + 0.5, query_x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: learners.LSTMLearner(0, 1), "^input_size: "),
        (lambda: learners.LSTMLearner(1, 1, passes=0), "^passes: "),
        (
            lambda: learners.LSTMLearner(1, 1, reading="backwards"),
            "^reading: expected one of batch",
        ),
        (lambda: learners.OPLSTM(nn.Identity(), 1, 0), "^output_size: "),
        (lambda: learners.OPLSTM(nn.Identity(), 1, 1, gamma=0.0), "^gamma: "),
        (lambda: learners.MAML(nn.Identity(), 0, 0.1), "^steps: "),
        (lambda: learners.MAML(nn.Identity(), 1, -0.1), "^lr: "),
        (lambda: learners.from_scratch(nn.Identity, drawn(), 0, 0.1), "^steps: "),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
