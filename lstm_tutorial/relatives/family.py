"""The LSTM and its relatives in one shape, so that they can be sized, trained and compared alike.

Each has a linear map below, which brings each input to H numbers, and a linear readout above.
Stored results name the members; here stands what a name means.
"""

from lstm_tutorial.relatives import blocks, published, scans, variants
from lstm_tutorial.relatives.networks import Network

MULTIPLE = 2  # every member has a multiple of so many units, as those with two heads must

FAMILY: dict[str, Network] = {
    "LSTM": Network(variants.VANILLA, mapped=True),
    "coupled gates": Network(variants.COUPLED_GATES, mapped=True),
    "GRU": Network(published.GRU, mapped=True),
    "sLSTM": Network(published.SLSTM, mapped=True),
    "minLSTM": Network(scans.MIN_LSTM, mapped=True),
    "mLSTM": Network(scans.MLSTM, mapped=True),
    "minLSTM, 2 layers": Network(scans.MIN_LSTM, layers=2, mapped=True),
    "mLSTM, 2 layers": Network(scans.MLSTM, layers=2, mapped=True),
    "attention, 2 blocks": Network(blocks.transformer(2), mapped=True),
}
# Not of the family, but sized, trained and compared like it.
CONVOLUTIONS: dict[str, Network] = {
    cell.name: Network(cell, mapped=True)
    for cell in map(blocks.convolutions, ((1, 2, 4), (1, 2, 4, 8), (1, 2, 4, 8, 16)))
}
BY_NAME: dict[str, Network] = {**FAMILY, **CONVOLUTIONS}
