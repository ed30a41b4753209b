"""Draw the picture of the home page and the README from the stored experiments.

python tools/draw_images.py
"""

from pathlib import Path

from lstm_tutorial import experiments, figures


def draw(folder: Path) -> None:
    """Write the picture into `folder`; the same bytes at every run."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = figures.gradient_by_lag(experiments.load("gradient-by-lag"))
    picture.savefig(folder / "gradient-by-lag.png", metadata={"Software": None})


if __name__ == "__main__":
    draw(Path(__file__).parent.parent / "book" / "images")
