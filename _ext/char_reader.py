"""The trained network that ``<lstm-reader>`` runs in the page, out of the package's data.

The package keeps it as ``char_lm.npz``; a browser reads plain numbers more easily. Beside the
other static files of the book stands ``char-lm.bin``: a line of JSON with the alphabet and the
hidden size, then all weights in half precision, lowest byte first, in the order of `PARTS`.
"""

import json
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).parent.parent / "lstm_tutorial" / "data" / "char_lm.npz"
PARTS = ("W_ih", "W_hh", "b", "W_hy", "b_y")


def pack(alphabet, weights):
    """Return the bytes of a network: its alphabet, and its weights by the names in `PARTS`."""
    head = json.dumps({"alphabet": alphabet, "hidden_size": weights["W_hh"].shape[1]})
    body = b"".join(weights[part].astype("<f2").tobytes() for part in PARTS)
    return head.encode() + b"\n" + body


def write(app, exception):
    """Write the network into the static files of a finished HTML build."""
    if exception or app.builder.format != "html":
        return
    with np.load(SOURCE, allow_pickle=False) as stored:
        packed = pack(str(stored["alphabet"]), stored)
    (Path(app.outdir) / "_static" / "char-lm.bin").write_bytes(packed)


def setup(app):
    """Register with Sphinx."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
