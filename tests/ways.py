"""Ways to use a layer or a cell; `test_cells` tries each on torch.nn's and on ours.

A way is given a module and its input, and returns all that it finds, or raises. The first result
of a layer is its output, that of a cell is h, so that most ways fit both. A new way is one row.
"""

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import onnxruntime
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad, functional
from torch.autograd.graph import (
    disable_saved_tensors_hooks,
    register_multi_grad_hook,
    save_on_cpu,
    saved_tensors_hooks,
)
from torch.export import Dim, export
from torch.func import (
    functional_call,
    functionalize,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import parametrizations, parametrize, prune
from torch.nn.utils.rnn import PackedSequence, pack_sequence
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

OPTIONS = ("num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size")


def leaves(value):
    """Whatever stands in nested tuples and lists, in one list."""
    if isinstance(value, tuple | list):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def total(layer, x):
    """A number that depends on all that a module returns."""
    return sum((k + 1) * t.cos().sum() for k, t in enumerate(leaves(layer(x))))


def grads(layer):
    return [p.grad for p in layer.parameters()]


def trained(layer, x):
    """Gradients of the total, by `backward`."""
    total(layer, x.requires_grad_()).backward()
    return x.grad, grads(layer)


def penalised(layer, x, call=None):
    """Gradients of the square of a gradient."""
    out = (call or layer)(x.requires_grad_())[0]
    (g,) = torch.autograd.grad(out.sin().sum(), x, create_graph=True)
    g.square().sum().backward()
    return x.grad, grads(layer)


def names(layer):
    return [name for name, _ in layer.named_parameters()]


def like(layer):
    """Another module of the same kind and options."""
    options = {name: getattr(layer, name) for name in OPTIONS if hasattr(layer, name)}
    dtype = next(layer.parameters()).dtype
    return type(layer)(layer.input_size, layer.hidden_size, dtype=dtype, **options)


def states(layer, x):
    """States that fit, and are not zero."""
    result = layer(x)
    return tuple(t.detach() for t in (result[1] if isinstance(result[1], tuple) else result))


def more(x):
    """An input of other sizes, but for the features."""
    return torch.cat([torch.cat([x, -x, 2 * x], dim=-2)] * 2) if x.dim() == 3 else x.repeat(3, 1)


def along(x):
    """A vector for the output gradient."""
    return torch.linspace(-1, 1, x.numel(), dtype=x.dtype).view(x.shape)


def doubled(layer):
    return {name: 2 * p.detach() for name, p in layer.named_parameters()}


def halved_in_place(layer):
    with torch.no_grad():
        for p in layer.parameters():
            p.mul_(0.5)


def through_a_file(save, load):
    file = io.BytesIO()
    save(file)
    file.seek(0)
    return load(file)


class Within(nn.Module):
    """A module that holds the layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, hx=None):
        out, _ = self.layer(input=x, hx=hx)
        return 2 * out


class OfPacked(Within):
    """The same over packed data."""

    def forward(self, data, sizes):
        out, state = self.layer(PackedSequence(data, sizes))
        return out.data, state


WAYS = {}


def way(function):
    """Enter a way under its own name."""
    WAYS[function.__name__] = function
    return function


# Derivatives

WAYS |= {
    "backward": trained,
    "penalty": penalised,
    "hessian": lambda m, x: functional.hessian(partial(total, m), x),
    "hessian, vectorized": lambda m, x: functional.hessian(partial(total, m), x, vectorize=True),
    "hessian, forward": lambda m, x: functional.hessian(
        partial(total, m), x, vectorize=True, outer_jacobian_strategy="forward-mode"
    ),
    "jacobian": lambda m, x: functional.jacobian(lambda x: m(x)[0], x),
    "jacobian, vectorized": lambda m, x: functional.jacobian(lambda x: m(x)[0], x, vectorize=True),
    "jacobian, forward": lambda m, x: functional.jacobian(
        lambda x: m(x)[0], x, vectorize=True, strategy="forward-mode"
    ),
    "functional.jvp": lambda m, x: functional.jvp(lambda x: m(x)[0], x, along(x)),
    "functional.vjp": lambda m, x: functional.vjp(partial(total, m), x),
    "functional.hvp": lambda m, x: functional.hvp(partial(total, m), x, along(x)),
    "functional.vhp": lambda m, x: functional.vhp(partial(total, m), x, along(x)),
    "func.grad": lambda m, x: grad(partial(total, m))(x),
    "func.hessian": lambda m, x: hessian(partial(total, m))(x),
    "func.jacrev": lambda m, x: jacrev(lambda x: m(x)[0])(x),
    "func.jacfwd": lambda m, x: jacfwd(lambda x: m(x)[0])(x),
    "func.jvp": lambda m, x: jvp(lambda x: m(x)[0], (x,), (along(x),)),
    "func.vjp": lambda m, x: vjp(partial(total, m), x)[1](x.new_ones(())),
    "func.functionalize": lambda m, x: functionalize(m)(x),
}


@way
def only_the_last_state(layer, x):
    leaves(layer(x))[-1].sum().backward()
    return grads(layer)


@way
def three_times(layer, x):
    y = total(layer, x.requires_grad_())
    for _ in range(3):
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        y = g.square().sum()
    return y, g


@way
def batched_output_gradients(layer, x):
    out = layer(x.requires_grad_())[0]
    rows = along(torch.stack([out.detach()] * 3))
    batched = torch.autograd.grad(
        out, [x, *layer.parameters()], rows, retain_graph=True, is_grads_batched=True
    )
    return batched, vmap(lambda v: torch.autograd.grad(out, x, v, retain_graph=True))(rows)


@way
def dual_numbers(layer, x):
    name = names(layer)[1]
    weight = getattr(layer, name).detach()
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, along(x))
        weights = {name: forward_ad.make_dual(weight, along(weight))}
        out = functional_call(layer, weights, (dual,))
        return [forward_ad.unpack_dual(t).tangent for t in leaves(out)]


@way
def dual_numbers_backward(layer, x):
    out = layer(x.requires_grad_())[0]  # before there are any
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(out.detach(), along(out.detach()))
        return tuple(forward_ad.unpack_dual(torch.autograd.grad(out, x, dual)[0]))


@way
def func_linearize(layer, x):
    out, function = linearize(lambda x: layer(x)[0], x)
    return out, function(along(x))


@way
def func_vmap(layer, x):
    return vmap(layer, chunk_size=2)(torch.stack([x, 2 * x, -x]))


@way
def one_by_one(layer, x):
    outs = [leaves(layer(k * x)) for k in (1, 2, -1)]
    return [torch.stack(parts) for parts in zip(*outs, strict=True)]


@way
def gradients_per_sample(layer, x):
    weights = {name: p.detach() for name, p in layer.named_parameters()}
    loss = grad(lambda w, x: functional_call(layer, w, (x,))[0].square().sum())
    each = vmap(loss, in_dims=(None, 0))(weights, torch.stack([x, 2 * x, -x]))
    return list(each.values())


@way
def gradients_one_by_one(layer, x):
    losses = [layer(k * x)[0].square().sum() for k in (1, 2, -1)]
    each = [torch.autograd.grad(loss, list(layer.parameters())) for loss in losses]
    return [torch.stack(parts) for parts in zip(*each, strict=True)]


@way
def ensemble(layer, x):
    weights, _ = stack_module_state(_scaled(layer))
    outs = vmap(lambda w: functional_call(layer, w, (x,))[0])(weights)
    outs.sin().sum().backward()
    return outs, [w.grad for w in weights.values()], layer(x)


@way
def ensemble_one_by_one(layer, x):
    many = _scaled(layer)
    outs = torch.stack([one(x)[0] for one in many])
    outs.sin().sum().backward()
    each = zip(*map(grads, many), strict=True)
    return outs, [torch.stack(parts) for parts in each], layer(x)


def _scaled(layer):
    many = [copy.deepcopy(layer) for _ in range(3)]
    halved_in_place(many[1])
    return many


@way
def func_functional_call(layer, x):
    found = functional_call(layer, doubled(layer), (x,)), layer(x)
    one = names(layer)[1]
    partly = functional_call(layer, {one: doubled(layer)[one]}, (x,))
    return *found, partly, copy.deepcopy(layer)(x), pickle.loads(pickle.dumps(layer))(x)


# What autograd keeps, and when


def checkpointed(layer, x, then=trained, **options):
    return then(layer, x, partial(checkpoint, layer, **options))


def trained_through(layer, x, call):
    call(x.requires_grad_())[0].sin().sum().backward()
    return x.grad, grads(layer)


SELECTIVE = partial(create_selective_checkpoint_contexts, [torch.ops.aten.mm.default])
WAYS |= {
    "not checkpointed": lambda m, x: trained_through(m, x, m),
    "checkpoint": partial(checkpointed, then=trained_through, use_reentrant=False),
    "checkpoint, reentrant": partial(checkpointed, then=trained_through, use_reentrant=True),
    "checkpoint, selective": partial(
        checkpointed, then=trained_through, use_reentrant=False, context_fn=SELECTIVE
    ),
    "checkpoint, penalty": partial(checkpointed, then=penalised, use_reentrant=False),
    "checkpoint, reentrant, penalty": partial(checkpointed, then=penalised, use_reentrant=True),
}


@way
def checkpoint_in_a_checkpoint(layer, x):
    inner = partial(checkpoint, layer, use_reentrant=False)
    return penalised(layer, x, partial(checkpoint, inner, use_reentrant=False))


@way
def saved_elsewhere(layer, x):
    with save_on_cpu(), saved_tensors_hooks(torch.clone, torch.clone):
        y = total(layer, x)
    y.backward()
    return grads(layer)


@way
def saved_without_hooks(layer, x):
    with disable_saved_tensors_hooks("none"), torch.autograd.detect_anomaly():
        return trained(layer, x)


@way
def backward_twice(layer, x):
    y = total(layer, x)
    y.backward(retain_graph=True)
    y.backward()
    return grads(layer)


@way
def backward_twice_without_retaining(layer, x):
    y = total(layer, x)
    y.backward()
    y.backward()


def changed_before_backward(layer, x, change):
    y = total(layer, x)
    with torch.no_grad():
        change(layer, x)
    y.backward()
    return grads(layer)


WAYS |= {
    "input changed": partial(changed_before_backward, change=lambda m, x: x.mul_(2)),
    "weights changed": partial(changed_before_backward, change=lambda m, x: halved_in_place(m)),
}


@way
def states_changed(layer, x):
    hx = states(layer, x)
    out = layer(x, hx)[0]
    hx[0].mul_(2)
    out.sum().backward()


@way
def output_changed(layer, x):
    out = layer(x)[0]
    out.mul_(2)
    out.sum().backward()
    return grads(layer)


@way
def output_detached(layer, x):
    out = layer(x)[0]
    return out.detach_().requires_grad


@way
def last_states_detached(layer, x):
    for state in leaves(layer(x))[-2:]:
        state.detach_()
    return layer(x)


@way
def some_of_the_gradients(layer, x):
    first, second, *_ = layer.parameters()
    first.requires_grad_(False)
    total(layer, x).backward(inputs=[second])
    return first.grad is None, grads(layer)[1:], layer.requires_grad_(False)(x)[0].requires_grad


@way
def without_gradients(layer, x):
    with torch.inference_mode():
        kept = layer(x)
    with torch.no_grad():
        outs = leaves(layer(x))
    return kept, outs, [t.requires_grad for t in outs], kept[0].is_inference()


@way
def from_several_threads(layer, x):
    totals = [total(layer, x) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(Tensor.backward, totals))
    return grads(layer)


@way
def deterministic(layer, x):
    torch.use_deterministic_algorithms(True)
    try:
        return trained(layer, x)
    finally:
        torch.use_deterministic_algorithms(False)


# Autocast


def autocast():
    return torch.autocast("cpu", dtype=torch.bfloat16)


@way
def autocast_forward(layer, x):
    with autocast():
        outs = leaves(layer(x))
    sum(t.sum() for t in outs).backward()
    return [t.dtype for t in outs], outs, grads(layer)


@way
def autocast_backward(layer, x):
    layer, x = layer.float(), x.float()
    y = total(layer, x)
    with autocast():
        y.backward()
    return [g.dtype for g in grads(layer)], [g.double().round(decimals=4) for g in grads(layer)]


@way
def autocast_throughout(layer, x):
    with autocast():
        checkpointed(layer, x, then=trained_through, use_reentrant=False)
        return penalised(layer, x)


# Graphs

OPEN = [Dim("first", min=2, max=99), Dim("second", min=2, max=99)]


def exported(layer, x, then=None, open_axes=(), **options):
    shapes = {"input": {k: OPEN[k] for k in open_axes}}
    return export(layer, (x,), dynamic_shapes=shapes, **options).module()(
        x if then is None else then
    )


WAYS |= {
    "exported": exported,
    "exported strictly": partial(exported, strict=True),
    "exported, first axis open": lambda m, x: exported(m, x, torch.cat([x, x]), [0]),
    "exported, second axis open": lambda m, x: exported(m, x, torch.cat([x, x], 1), [1]),
    "exported, both open": lambda m, x: exported(m, x, more(x), [0, 1]),
    "exported within": lambda m, x: export(Within(m), (x,)).run_decompositions().module()(x),
    "traced": lambda m, x: [f(more(x)) for f in [torch.jit.trace(m, x)]],
    "traced within": lambda m, x: torch.jit.trace(Within(m), x)(more(x)),
    "traced and frozen": lambda m, x: torch.jit.freeze(torch.jit.trace(m.eval(), x))(more(x)),
    "scripted": lambda m, x: torch.jit.script(m)(more(x)),
    "scripted within": lambda m, x: (torch.jit.script(nn.Sequential(m))(more(x)), m(x)),
    "fx": lambda m, x: torch.fx.symbolic_trace(m)(x),
    "fx within": lambda m, x: torch.fx.symbolic_trace(Within(m))(x),
    "fx within, states": lambda m, x: torch.fx.symbolic_trace(Within(m))(x, states(m, x)),
    "fx with derivatives": lambda m, x: [f(2 * x) for f in [make_fx(grad(partial(total, m)))(x)]],
}


@way
def exported_with_states(layer, x):
    hx, axis = states(layer, x), x.dim() - 2
    batch = {axis: OPEN[axis]}
    program = export(layer, (x, hx), dynamic_shapes={"input": batch, "hx": (batch, batch)})
    return program.module()(torch.cat([x, x], axis), tuple(torch.cat([s, s], axis) for s in hx))


@way
def exported_to_a_file(layer, x):
    program = export(layer, (x,))
    again = through_a_file(partial(torch.export.save, program), torch.export.load)
    module = again.module()
    module(x)[0].sum().backward()
    return module(x), list(again.state_dict), grads(module)


@way
def traced_to_a_file(layer, x):
    traced = torch.jit.trace(layer, x)
    traced(more(x))[0].sum().backward()
    again = through_a_file(partial(torch.jit.save, traced), torch.jit.load)
    shorter = x.reshape(x.shape[1], x.shape[0], 3) if x.dim() == 3 else x[:1]  # as many rows
    return again(more(x)), again(shorter), again(more(x)[:1]), grads(layer)


@way
def traced_packed(layer, x):
    first = pack_sequence([x[:, 0], x[:2, 1]])
    other = pack_sequence([x[:, 1], x[:3, 0], x[:1, 1]])
    return torch.jit.trace(OfPacked(layer), first[:2])(*other[:2])


@way
def scripted_to_a_file(layer, x):
    scripted = torch.jit.script(nn.Sequential(layer))
    scripted(x)[0].sum().backward()
    return through_a_file(partial(torch.jit.save, scripted), torch.jit.load)(x), grads(layer)


@way
def scripted_and_trained_on(layer, x):
    model = nn.Sequential(layer)
    scripted = torch.jit.script(model)
    halved_in_place(layer)
    return scripted(x), model(x), layer(x)


@way
def scripted_with_a_hook(layer, x):
    layer.register_forward_hook(lambda module, args, result: (2 * result[0], result[1]))
    return torch.jit.script(nn.Sequential(layer))(x)


@way
def scripted_and_pruned(layer, x):
    prune.l1_unstructured(layer, names(layer)[1], 0.5)
    return torch.jit.script(layer)(x)


@way
def onnx(layer, x):
    layer, x = layer.float().eval(), x.float()
    axes = {"x": list(range(x.dim() - 1))}
    options = {"dynamo": False, "input_names": ["x"], "dynamic_axes": axes}
    file = io.BytesIO()
    torch.onnx.export(layer, (x,), file, **options)
    session = onnxruntime.InferenceSession(file.getvalue())
    outs = session.run(None, {"x": more(x).numpy()})
    return [torch.from_numpy(out).double().round(decimals=5) for out in outs]


def compiled(layer, x, **options):
    torch._dynamo.reset()
    function = torch.compile(layer, backend="aot_eager", **options)
    outs = function(x)
    total(function, x).backward()
    return outs, grads(layer)


def called(layer, x):
    outs = layer(x)
    total(layer, x).backward()
    return outs, grads(layer)


WAYS |= {
    "called": called,
    "compiled": compiled,
    "compiled in one graph": partial(compiled, fullgraph=True),
}


@way
def compiled_within(layer, x):
    torch._dynamo.reset()
    function = torch.compile(Within(layer), backend="eager", dynamic=True)
    return function(x), function(torch.cat([x, x], dim=-2))


@way
def compiled_autograd(layer, x):
    y = total(layer, x)
    with torch._dynamo.compiled_autograd._enable(lambda graph: graph):
        y.backward()
    return grads(layer)


@way
def fx_of_operations(layer, x):
    def gradients(x):
        return torch.autograd.grad(total(layer, x), [x, *layer.parameters()])

    recorded = make_fx(gradients)(x.requires_grad_())
    return recorded((2 * x).detach().requires_grad_()), make_fx(layer)(x)(2 * x)


@way
def fake_tensors(layer, x):
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        outs = layer(mode.from_tensor(x))
        outs[0].sum().backward()
        return [t.shape for t in leaves(outs)], [type(g) for g in grads(layer)]


# Copies, types and places

WAYS |= {
    "pickled": lambda m, x: pickle.loads(pickle.dumps(m))(x),
    "kinds": lambda m, x: [isinstance(m, kind) for kind in (nn.RNNBase, nn.RNNCellBase, nn.GRU)],
    "described": lambda m, x: (repr(m), sorted(vars(m)), list(m.state_dict())),
    "flattened": lambda m, x: (m.flatten_parameters(), m.all_weights, m(x)),
    "shared": lambda m, x: ([p.is_shared() for p in m.share_memory().parameters()], m(x)),
    "strict, one missing": lambda m, x: m.load_state_dict(dict(list(m.state_dict().items())[1:])),
    "wrong shapes": lambda m, x: m.load_state_dict({n: p[:1] for n, p in m.state_dict().items()}),
    "half of single": lambda m, x: m.half()(x),
    "tensor for a parameter": lambda m, x: setattr(m, names(m)[1], x),
    "complex": lambda m, x: m(x.to(torch.complex128)),
    "sparse": lambda m, x: m(x.to_sparse()),
    "nan": lambda m, x: m(torch.cat([x[:1] * torch.nan, x[1:]])),
}


@way
def copied(layer, x):
    shallow, deep = copy.copy(layer), copy.deepcopy(layer)
    file = through_a_file(partial(torch.save, layer), partial(torch.load, weights_only=False))
    halved_in_place(layer)
    return layer(x), shallow(x), deep(x), file(x)


@way
def state_dicts(layer, x):
    found, other = [], like(layer)
    nn.ModuleDict({"a": other}).load_state_dict(layer.state_dict(prefix="a."))
    found.append(other(x))
    for other in (like(layer), like(layer).to("meta")):
        other.load_state_dict(doubled(layer), assign=True)
        found.append(other(x))
        halved_in_place(other.double())
        found += [other(x), copy.deepcopy(other)(x)]
    _, *others = layer.state_dict().items()
    answer = layer.load_state_dict({**dict(others), "other": x}, strict=False)
    return found, list(layer.state_dict()), answer.missing_keys, answer.unexpected_keys


@way
def moved(layer, x):
    types = (torch.float16, torch.bfloat16, torch.float64)
    dtypes = [layer.to(dtype)(x.to(dtype))[0].dtype for dtype in types]
    weights = doubled(layer)
    layer.to("meta").to_empty(device="cpu").load_state_dict(weights)
    return dtypes, layer(x)


@way
def without_initial_values(layer, x):
    return [p.shape for p in nn.utils.skip_init(type(layer), 3, 4).parameters()]


@way
def shapes(layer, x):
    return [p.shape for p in type(layer)(3, 4).parameters()]


@way
def default_type(layer, x):
    torch.set_default_dtype(torch.float64)
    try:
        return [p.dtype for p in type(layer)(3, 4).parameters()]
    finally:
        torch.set_default_dtype(torch.float32)


@way
def one_vector(layer, x):
    vector = nn.utils.parameters_to_vector(layer.parameters())
    nn.utils.vector_to_parameters(2 * vector, layer.parameters())
    return vector, layer(x)


@way
def drawn_again(layer, x):
    torch.manual_seed(3)
    layer.reset_parameters()
    return layer(x)


@way
def flat_weights_replaced(layer, x):
    layer._flat_weights[0] = 2 * layer._flat_weights[0]
    found = layer(x)
    layer._flat_weights = [2 * weight for weight in layer._flat_weights]
    return found, layer(x), layer._flat_weights_names


@way
def parameters_replaced(layer, x):
    first, second, *_ = names(layer)
    setattr(layer, first, nn.Parameter(2 * getattr(layer, first).detach()))
    getattr(layer, second).data = 2 * getattr(layer, second).data
    return layer(x), names(layer)


@way
def drop_connect(layer, x):
    name = names(layer)[1]
    raw = getattr(layer, name)
    delattr(layer, name)
    layer.register_parameter("raw", nn.Parameter(raw.detach()))
    setattr(layer, name, 0.5 * layer.raw)
    return trained(layer, x), names(layer)


@way
def parameter_deleted(layer, x):
    delattr(layer, names(layer)[0])
    return layer(x)


@way
def tied(layer, x):
    other = like(layer)
    for name, p in layer.named_parameters():
        setattr(other, name, p)
    (total(layer, x) + total(other, 2 * x)).backward()
    return grads(layer)


@way
def averaged(layer, x):
    average = AveragedModel(layer)
    halved_in_place(layer)
    average.update_parameters(layer)
    average.update_parameters(layer)
    return average(x)


@way
def optimised(layer, x):
    optimiser = torch.optim.Adam(layer.parameters())
    for _ in range(3):
        optimiser.zero_grad()
        total(layer, x).backward()
        optimiser.step()
    return layer(x)


# Inputs and states


@way
def batches_of_none_and_one_and_without(layer, x):
    axis = x.dim() - 2
    inputs = (x.narrow(axis, 0, 0), x.narrow(axis, 0, 1), x.select(axis, 0))
    return [(layer(part), trained(layer, part.detach().clone())) for part in inputs]


@way
def strides(layer, x):
    turned = x.transpose(0, -1).contiguous().transpose(0, -1)
    wide = x[:1].expand(x.shape)
    return trained(layer, turned), layer(wide), [t.stride() for t in leaves(layer(x))]


@way
def states_with_gradients(layer, x):
    hx = [state.requires_grad_() for state in states(layer, x)]
    layer(x, list(hx))[0].sum().backward()
    zero = x.new_zeros(1).requires_grad_()
    wide = tuple(zero.expand(state.shape) for state in hx)
    layer(x, wide)[0].sum().backward()
    return [state.grad for state in hx], zero.grad


@way
def states_of_another_type(layer, x):
    return layer(x, tuple(state.float() for state in states(layer, x)))


@way
def of_a_tensor_class(layer, x):
    class Other(Tensor):
        pass

    return type(layer(x.as_subclass(Other))[0]).__name__


# Hooks and computed weights


@way
def forward_hooks(layer, x):
    layer.register_forward_pre_hook(lambda module, args: (2 * args[0], *args[1:]))
    layer.register_forward_hook(lambda module, args, result: (3 * result[0], result[1]))
    everywhere = nn.modules.module.register_module_forward_hook(lambda m, a, r: (r[0] + 1, r[1]))
    try:
        return layer(x)
    finally:
        everywhere.remove()


@way
def forward_hooks_with_keywords(layer, x):
    layer.register_forward_pre_hook(
        lambda module, args, kwargs: ((2 * kwargs["input"],), {}), with_kwargs=True
    )
    return layer(input=x)


@way
def backward_hooks(layer, x):
    seen = []
    layer.register_full_backward_pre_hook(lambda m, g: [t if t is None else 2 * t for t in g])
    layer.register_full_backward_hook(lambda m, g_in, g_out: seen.extend([g_in, g_out]))
    layer.register_full_backward_hook(lambda m, g_in, g_out: (5 * g_in[0],))
    return trained(layer, x), seen


@way
def hooks_of_tensors(layer, x):
    seen, kept = [], {}  # the latter since parameters may come in any order
    for name, p in layer.named_parameters():
        p.register_hook(lambda g: 2 * g)
        p.register_post_accumulate_grad_hook(lambda p, name=name: kept.update({name: p.grad}))
    register_multi_grad_hook(list(layer.parameters()), seen.extend)
    return trained(layer, x), seen, [kept[name] for name in names(layer)]


@way
def hooks_of_the_state(layer, x):
    layer.register_state_dict_post_hook(lambda m, found, prefix, local: found.update(other=1))
    layer.register_load_state_dict_pre_hook(lambda m, found, *_: found.pop("other"))
    layer.load_state_dict(layer.state_dict())
    return list(layer.state_dict())


def computed(layer, x, compute, then=lambda m, x: (trained(m, x), list(m.state_dict()), m(x))):
    torch.manual_seed(0)
    for name in [name for name, p in layer.named_parameters() if p.dim() == 2]:
        compute(layer, name)
    return then(layer, x)


def with_weight_norm(then):
    return partial(computed, compute=parametrizations.weight_norm, then=then)


def cached(layer, x):
    with parametrize.cached():
        return layer(x), layer(x)


def removed(layer, x):
    layer(x)
    for name in list(layer.parametrizations):
        parametrize.remove_parametrizations(layer, name)
    halved_in_place(layer)
    return layer(x), type(layer).__name__, names(layer)


def pruned_twice(layer, name):
    prune.random_unstructured(layer, name, 0.3)
    prune.l1_unstructured(layer, name, 0.5)


def pruned_for_good(layer, name):
    pruned_twice(layer, name)
    prune.remove(layer, name)


WAYS |= {
    "weight norm": partial(computed, compute=parametrizations.weight_norm),
    "spectral norm": partial(computed, compute=parametrizations.spectral_norm),
    "orthogonal": partial(computed, compute=parametrizations.orthogonal),
    "weight norm, older": partial(computed, compute=nn.utils.weight_norm),
    "spectral norm, older": partial(computed, compute=nn.utils.spectral_norm),
    "pruned": partial(computed, compute=pruned_twice),
    "pruned for good": partial(computed, compute=pruned_for_good),
    "weight norm, called": with_weight_norm(lambda m, x: m(x)),
    "weight norm, cached": with_weight_norm(cached),
    "weight norm, removed": with_weight_norm(removed),
    "weight norm, penalty": with_weight_norm(penalised),
    "weight norm, copied": with_weight_norm(lambda m, x: (m(x), copy.deepcopy(m)(x))[1]),
    "weight norm, pickled": with_weight_norm(lambda m, x: pickle.dumps(m)),
    "weight norm, traced": with_weight_norm(lambda m, x: torch.jit.trace(m, x)(more(x))),
    "weight norm, scripted": with_weight_norm(lambda m, x: torch.jit.script(m)(x)),
    "weight norm, compiled": with_weight_norm(compiled),
}
