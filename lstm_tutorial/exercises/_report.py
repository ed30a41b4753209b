"""What a check says, for a notebook and for a terminal."""

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from html import escape
from textwrap import TextWrapper

from lstm_tutorial.exercises._reading import PAGES, Array, Finding


class Report:
    """What `check` found; shows itself in a notebook and in a terminal.

    Attributes
    ----------
    kind : str
    passed : bool
    mistakes : tuple of str
        Their names, causes before symptoms; empty if the check is passed, or if what was measured
        has no name.
    notes : tuple of Finding
        What is shown: titles and sentences.
    formula : tuple of (str, str)
        Lines of the formula that was read, and beside each the right one.
    model : callable or None
        The function that was read: it gives the learner's numbers wherever they are finite, with
        the arguments by position.
    """

    def __init__(
        self,
        kind: str,
        praise: str,
        notes: Sequence[Finding] = (),
        formula: Sequence[tuple[str, str]] = (),
        model: Callable[..., Sequence[Array]] | None = None,
    ) -> None:
        self.kind = kind
        self._praise = praise
        self.passed = not notes
        self.mistakes = tuple(note.title for note in notes if note.title)
        self.notes = tuple(notes)
        self.formula = tuple(formula)
        self.model = model

    @property
    def _headline(self) -> str:
        return f"{self.kind}: " + ("right" if self.passed else "not right yet")

    @property
    def _pages(self) -> list[tuple[str, str]]:
        """Where to read again, each page once."""
        return [PAGES[page] for page in dict.fromkeys(n.page for n in self.notes if n.page)]

    def __repr__(self) -> str:
        def lines(text: str, indent: int) -> str:
            space = " " * indent
            wrap = TextWrapper(88, space, space, break_long_words=False, break_on_hyphens=False)
            return wrap.fill(text)

        parts = [self._headline]
        if self.passed:
            parts.append(lines(self._praise, 2))
        for note in self.notes:
            parts += [lines(note.title, 2)] if note.title else []
            parts.append(lines(note.says, 4))
            parts += [f"        {note.code}"] if note.code else []
        for yours, right in self.formula:
            parts += [f"    yours  {yours}"] + [f"    right  {right}"] * (yours != right)
        parts += [lines(f"Read again: {title} ({path})", 2) for path, title in self._pages]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        look = "tip" if self.passed else "attention"
        parts = [f'<p class="admonition-title"><strong>{escape(self._headline)}</strong></p>']
        if self.passed:
            parts.append(f"<p>{escape(self._praise)}</p>")
        for note in self.notes:
            lead = f"<strong>{escape(note.title)}.</strong> " if note.title else ""
            parts.append(f"<p>{lead}{escape(note.says)}</p>")
            parts += [f"<pre><code>{escape(note.code)}</code></pre>"] if note.code else []
        if self.formula:
            pairs = [marked(*pair) for pair in self.formula]
            rows = [f"<tr><td>{a}</td><td>{b}</td></tr>" for a, b in pairs]
            head = "<tr><th>your function</th><th>right</th></tr>"
            parts.append(f'<table class="formula-read">{head}{"".join(rows)}</table>')
        # Chapters lie in folders beside one another; where the book is built, _ext/report_links
        # makes the page of the notebook.
        links = [
            f'<a class="read-again" href="..{path.removeprefix("book")}.ipynb">{escape(title)}</a>'
            for path, title in self._pages
        ]
        parts += [f"<p>Read again: {', '.join(links)}.</p>"] if links else []
        return f'<div class="admonition {look}">{"".join(parts)}</div>'


def marked(yours: str, right: str) -> tuple[str, str]:
    """Return two lines as HTML; what differs, in whole words and signs, is marked."""
    a, b = (re.findall(r"\w+|\s+|.", line) for line in (yours, right))
    shown: tuple[list[str], list[str]] = ([], [])
    for same, *ends in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        for out, words, (start, stop) in zip(shown, (a, b), (ends[:2], ends[2:]), strict=True):
            text = escape("".join(words[start:stop]))
            out.append(text if same == "equal" or not text else f"<mark>{text}</mark>")
    return "".join(shown[0]), "".join(shown[1])
