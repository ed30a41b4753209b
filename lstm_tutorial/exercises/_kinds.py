"""The kinds of exercise of all chapters."""

from lstm_tutorial.exercises import language
from lstm_tutorial.exercises._kind import Kind

KINDS: dict[str, Kind] = {
    kind: spec for chapter in (language,) for kind, spec in chapter.KINDS.items()
}
