"""Answers written in PyTorch, gone wrong."""

import torch

from tests.exercises.mistakes import mistake


def valid(y, lengths):
    return torch.arange(len(y))[:, None] < torch.as_tensor(lengths)


@mistake("torch.masked_loss", "the sum is divided by all steps, padding too", "")
def loss_over_all_steps(y_hat, y, lengths):
    mask = valid(y, lengths)[..., None]
    return torch.where(mask, (y_hat - y) ** 2, 0.0).mean()


@mistake("torch.masked_loss", "the mask is multiplied in: what is NaN in the padding stays NaN", "")
def loss_mask_multiplied(y_hat, y, lengths):
    mask = valid(y, lengths)[..., None]
    return (((y_hat - y) ** 2) * mask).sum() / mask.sum()


@mistake("torch.masked_loss", "each sequence's mean counts the same, not each step", "")
def loss_mean_of_means(y_hat, y, lengths):
    mask = valid(y, lengths)
    errors = torch.where(mask, ((y_hat - y) ** 2)[..., 0], 0.0)
    return (errors.sum(0) / mask.sum(0)).mean()


@mistake("torch.masked_loss", "the mask is one step too long", "")
def loss_one_step_too_long(y_hat, y, lengths):
    mask = torch.arange(len(y))[:, None] <= torch.as_tensor(lengths)
    return ((y_hat - y) ** 2)[mask].mean()


@mistake("torch.masked_loss", "absolute errors instead of squares", "")
def loss_absolute(y_hat, y, lengths):
    return (y_hat - y)[valid(y, lengths)].abs().mean()


@mistake("torch.last_valid", "out[-1]: both directions at the last step", "")
def both_at_the_last_step(out, lengths):
    return out[-1]


@mistake(
    "torch.last_valid",
    "both directions at each sequence's last valid step: the backward one has just begun there",
    "backward",
)
def both_at_the_last_valid_step(out, lengths):
    lengths = torch.as_tensor(lengths)
    return out[lengths - 1, torch.arange(len(lengths))]


@mistake(
    "torch.last_valid", "both directions at step 0: the forward one has just begun there", "forward"
)
def both_at_the_first_step(out, lengths):
    return out[0]


@mistake("torch.cell", "the candidate is squashed by the sigmoid", "g")
def cell_all_sigmoid(z, c):
    i, f, g, o = torch.sigmoid(z).chunk(4, dim=1)
    c = f * c + i * g
    return o * torch.tanh(c), c


@mistake("torch.cell", "the rows are taken in the order i, g, f, o", "g f")
def cell_rows_igfo(z, c):
    i, g, f, o = z.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@mistake("torch.cell", "the cell is not squashed on its way to h", "h")
def cell_shown_bare(z, c):
    i, f, g, o = z.chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c, c


@mistake("torch.cell", "the graph is cut: c is detached", "c")
def cell_detached(z, c):
    i, f, g, o = z.chunk(4, dim=1)
    c = f.sigmoid() * c.detach() + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@mistake("torch.coupled_cell", "the gates are not coupled: i is an input gate of its own", "i")
def cell_not_coupled(i, f, g, o, c):
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@mistake("torch.coupled_cell", "coupled the other way round: f is the input gate", "f")
def cell_coupled_the_other_way(i, f, g, o, c):
    f = f.sigmoid()
    c = (1 - f) * c + f * g.tanh()
    return o.sigmoid() * c.tanh(), c


@mistake("torch.coupled_cell", "1 - f is taken before the sigmoid", "i")
def cell_coupled_before_the_sigmoid(i, f, g, o, c):
    c = f.sigmoid() * c + (1 - f).sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@mistake("torch.summary", "the last step of both directions", "backward")
def summary_of_the_last_step(out):
    return out[-1]


@mistake("torch.summary", "the directions are exchanged", "forward backward")
def summary_exchanged(out):
    H = out.shape[2] // 2
    return torch.cat([out[0, :, H:], out[-1, :, :H]], dim=1)


@mistake("torch.summary", "the mean over all steps", "")
def summary_mean(out):
    return out.mean(0)


@mistake(
    "torch.open_forget_gates", "both biases are set: together they are twice the value", "bias_hh"
)
def open_both_biases(layer, bias):
    H = layer.hidden_size
    with torch.no_grad():
        for name, p in layer.named_parameters():
            if "bias" in name:
                p[H : 2 * H] = bias


@mistake("torch.open_forget_gates", "the input gates are opened", "i")
def open_input_gates(layer, bias):
    H = layer.hidden_size
    with torch.no_grad():
        for name, p in layer.named_parameters():
            if "bias_ih" in name:
                p[:H] = bias
            elif "bias_hh" in name:
                p[:H] = 0


@mistake("torch.open_forget_gates", "the other bias keeps its random values", "bias_hh")
def open_one_bias_alone(layer, bias):
    H = layer.hidden_size
    with torch.no_grad():
        for name, p in layer.named_parameters():
            if "bias_ih" in name:
                p[H : 2 * H] = bias


@mistake("torch.open_forget_gates", "all biases are set to the value", "bias")
def open_everything(layer, bias):
    with torch.no_grad():
        for name, p in layer.named_parameters():
            if "bias_ih" in name:
                p.fill_(bias)
            elif "bias_hh" in name:
                p.zero_()


@mistake("torch.pool_both", "the padding takes part in mean and largest", "")
def pool_with_padding(out, lengths):
    return torch.cat([out.mean(0), out.max(0).values], dim=1)


@mistake("torch.pool_both", "the largest is taken with zeros in the padding", "")
def pool_with_zeros(out, lengths):
    mask = (torch.arange(len(out))[:, None] < torch.as_tensor(lengths))[..., None]
    filled = torch.where(mask, out, 0.0)
    return torch.cat([filled.sum(0) / mask.sum(0), filled.max(0).values], dim=1)


@mistake("torch.zoneout", "the shares are exchanged: share of the units move", "share")
def zoneout_exchanged(new, old, share, training):
    if not training:
        return (1 - share) * old + share * new
    return torch.where(torch.rand_like(new) < share, new, old)


@mistake("torch.zoneout", "it zones out in use as well", "training")
def zoneout_in_use(new, old, share, training):
    return torch.where(torch.rand_like(new) < share, old, new)


@mistake("torch.zoneout", "dropout: the units are set to zero instead of the old state", "old")
def zoneout_as_dropout(new, old, share, training):
    return torch.nn.functional.dropout(new, share, training)
