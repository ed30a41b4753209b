"""A service that reads the streams of many clients, one step at a time, with one network."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping

import torch
from torch import Tensor, nn

from lstm_tutorial import _check, _tensors, cells


class Streams:
    """The states of an LSTM's clients, and steps of several clients in one call.

    Each client has a state of its own, by name. A call gathers the states of the clients that have
    something to read, lets the network make one step on all of them, and puts every state back
    where it came from. At most `limit` clients are kept; a new one beyond that takes the place of
    the one that was used longest ago.

    Not for several threads at once.

    Parameters
    ----------
    lstm : torch.nn.LSTM or cells.LSTM
        Of one direction and time first; dropout has to be off (``eval``).
    head : torch.nn.Module
        From (B, H), or (B, P) with a projection, to what is to be answered, (B, ...).
    limit : int
        At least 1.

    Raises
    ------
    TypeError, ValueError
        For a `limit` below 1 and a network that cannot stream.

    Examples
    --------
    >>> streams = Streams(nn.LSTM(2, 3).eval(), nn.Identity(), limit=100)
    >>> streams.open("ann"), streams.open("bob")
    (None, None)
    >>> answers = streams.step({"bob": torch.zeros(2), "ann": torch.ones(2)})
    >>> {client: tuple(answer.shape) for client, answer in answers.items()}
    {'bob': (3,), 'ann': (3,)}
    """

    def __init__(self, lstm: nn.RNNBase, head: nn.Module, limit: int) -> None:
        if not cells.is_lstm(lstm):
            raise TypeError(f"lstm: expected a torch.nn.LSTM, got {type(lstm).__name__}")
        if lstm.bidirectional:
            raise ValueError("lstm: expected one direction, got two: the second begins at the end")
        if lstm.batch_first:
            raise ValueError("lstm: expected time first, got batch_first=True")
        if lstm.training and lstm.dropout:
            raise ValueError("lstm: expected evaluation mode, got training mode with dropout")
        self.lstm, self.head = lstm, _tensors.module("head", head)
        self.limit = _check.positive_int("limit", limit)
        self._states: OrderedDict[Hashable, tuple[Tensor, Tensor]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._states)

    def __contains__(self, client: Hashable) -> bool:
        return client in self._states

    def open(self, client: Hashable) -> Hashable | None:
        """Begin a stream with a state of zeros.

        Returns
        -------
        The client that had to make room, or None.

        Raises
        ------
        ValueError
            If the client's stream is open already.
        """
        if client in self._states:
            raise ValueError(f"client: expected a new one, got {client!r}, which has a stream")
        evicted = None
        if len(self) == self.limit:
            evicted, _ = self._states.popitem(last=False)
        self._states[client] = self._zeros()
        return evicted

    def reset(self, client: Hashable) -> None:
        """Begin a client's stream anew; KeyError for an unknown client."""
        self._known(client)
        self._states[client] = self._zeros()
        self._states.move_to_end(client)

    def close(self, client: Hashable) -> None:
        """Forget a client; KeyError for an unknown one."""
        self._known(client)
        del self._states[client]

    @torch.no_grad()
    def step(self, inputs: Mapping[Hashable, Tensor]) -> dict[Hashable, Tensor]:
        """Let clients make one step each, in one call of the network.

        Parameters
        ----------
        inputs : mapping from client to tensor (D,)
            What each client reads, in the type of the weights.

        Returns
        -------
        dict
            From client to answer, in the order of `inputs`.

        Raises
        ------
        KeyError
            For a client that is unknown: never opened, closed, or evicted.
        TypeError, ValueError
            For no inputs, and for one of the wrong type or shape or that is not finite. Then no
            client's state has changed.
        """
        _check.instance("inputs", inputs, Mapping, "a dict from client to tensor")
        if not inputs:
            raise ValueError("inputs: expected at least one client, got none")
        for client, x in inputs.items():
            self._known(client)
            self._check_input(client, x)
        states = [self._states[client] for client in inputs]
        h, c = (torch.stack(parts, dim=1) for parts in zip(*states, strict=True))
        out, (h, c) = self.lstm(torch.stack(list(inputs.values()))[None], (h, c))
        for row, client in enumerate(inputs):
            # A copy: a view would keep the states of the whole batch alive.
            self._states[client] = h[:, row].clone(), c[:, row].clone()
            self._states.move_to_end(client)
        return dict(zip(inputs, self.head(out[0]), strict=True))

    def _zeros(self) -> tuple[Tensor, Tensor]:
        layers, weight = self.lstm.num_layers, next(self.lstm.parameters())
        sizes = (self.lstm.proj_size or self.lstm.hidden_size, self.lstm.hidden_size)
        h, c = (torch.zeros(layers, n, dtype=weight.dtype, device=weight.device) for n in sizes)
        return h, c

    def _known(self, client: Hashable) -> None:
        if client not in self._states:
            raise KeyError(f"client: expected one that was opened and is kept, got {client!r}")

    def _check_input(self, client: Hashable, x: Tensor) -> None:
        name, weight = f"inputs[{client!r}]", next(self.lstm.parameters())
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}: expected a tensor, got {type(x).__name__}")
        if x.dtype != weight.dtype:
            raise TypeError(f"{name}: expected {weight.dtype} like the weights, got {x.dtype}")
        if x.shape != (self.lstm.input_size,):
            raise ValueError(
                f"{name}: expected shape (D={self.lstm.input_size},), got {tuple(x.shape)}"
            )
        if not x.isfinite().all():
            raise ValueError(f"{name}: expected finite numbers, got {x[~x.isfinite()][0].item()}")
