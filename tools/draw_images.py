"""Draw the picture of the home page and the README from the stored experiment.

python tools/draw_images.py [FOLDER]
"""

import sys
from pathlib import Path

from lstm_tutorial import figures, results

IMAGES = Path(__file__).parent.parent / "book" / "images"


def draw(folder: Path) -> None:
    """Write the picture into `folder`; the same bytes at every run."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = figures.gradient_by_lag(results.load("gradient-by-lag"))
    picture.savefig(folder / "gradient-by-lag.png", metadata={"Software": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
