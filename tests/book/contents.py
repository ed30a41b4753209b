"""The table of contents: its chapters, and the pages that deepen them."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))


def below(parent, entries):
    """Yield each page with the one that it stands under, "" for none."""
    for entry in entries:
        yield entry["file"], parent
        yield from below(entry["file"], entry.get("sections", []))


PARENTS = dict(pair for part in TOC["parts"] for pair in below("", part["chapters"]))
NUMBERED = [
    entry["file"] for part in TOC["parts"] if part.get("numbered") for entry in part["chapters"]
]
DEEPER = {page: parent for page, parent in PARENTS.items() if parent}
FIRST_EDITION = CONFIG["sphinx"]["config"]["first_edition_pages"]
