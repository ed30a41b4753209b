"""More than one process: joined by torchrun, each with an equal share of every batch."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

Array = np.ndarray
Batch = tuple[Any, ...]


class Setting(NamedTuple):
    """Where a process computes, and which of how many it is."""

    device: torch.device
    rank: int
    processes: int

    def tensors(self, *arrays: Array) -> Batch:
        """Return arrays as tensors on this process's device, numbers in PyTorch's usual type."""
        pairs = ((a, torch.get_default_dtype() if a.dtype.kind == "f" else None) for a in arrays)
        return tuple(torch.as_tensor(a, dtype=dtype, device=self.device) for a, dtype in pairs)


class Shared:
    """A loss over the share of a batch that falls to this process.

    Its gradient is that of the share, which DistributedDataParallel averages over the processes;
    its value is already the mean of all, so that all see the same history. The model that `fit`
    trains is the one inside: its weights keep their names, and a checkpoint does not depend on
    the number of processes.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[nn.Module, Any], Tensor],
        axes: tuple[int | None, ...],
        setting: Setting,
    ) -> None:
        self.loss, self.axes, self.setting = loss, axes, setting
        # By its name `fit` knows a loss again, whatever the number of processes.
        self.__qualname__ = getattr(loss, "__qualname__", type(loss).__name__)
        self.parallel = DistributedDataParallel(model)

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        if not model.training:  # all compute the same; the mean makes them agree to the last bit
            return self._mean(self.loss(model, batch))
        value = self.loss(self.parallel, self._share(batch))
        return value + (self._mean(value) - value).detach()

    def _share(self, batch: Batch) -> Batch:
        _, rank, processes = self.setting
        return tuple(
            item if axis is None else item.chunk(processes, axis)[rank]
            for item, axis in zip(batch, self.axes, strict=True)
        )

    def _mean(self, value: Tensor) -> Tensor:
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.setting.processes


@contextmanager
def joined(batch: int) -> Iterator[Setting]:
    """Join the other processes, if torchrun has started any."""
    processes, local = (int(os.environ.get(f"{n}WORLD_SIZE", "1")) for n in ("", "LOCAL_"))
    if batch % processes:
        raise ValueError(
            f"--batch: expected a multiple of {processes}, the number of processes, got {batch}"
        )
    cuda = torch.cuda.device_count() >= local
    device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if cuda else "cpu")
    if processes == 1:
        yield Setting(device, 0, 1)
        return
    if cuda:
        torch.cuda.set_device(device)
    # torchrun keeps one store of addresses over all restarts of a run; without a part of its own
    # for each, a process may find the address of one that died.
    store, rank, _ = next(rendezvous("env://"))
    life = dist.PrefixStore(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)
    backend = "nccl" if cuda else "gloo"
    dist.init_process_group(backend, store=life, rank=rank, world_size=processes)
    try:
        yield Setting(device, rank, processes)
    finally:
        dist.destroy_process_group()
