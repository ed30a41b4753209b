"""What a check says, for a notebook and for a terminal."""

from collections.abc import Sequence
from html import escape
from textwrap import TextWrapper

from lstm_tutorial.exercises._exercise import PAGES, Note


class Report:
    """What `check` found; shows itself in a notebook and in a terminal.

    Attributes
    ----------
    kind : str
    passed : bool
    mistakes : tuple of str
        Names, most likely first; two mistakes made together have their names joined by " + ".
        Empty if the check is passed, or if no known mistake gives the numbers.
    notes : tuple of Note
        What is shown.
    """

    def __init__(
        self, kind: str, praise: str, mistakes: Sequence[str], notes: Sequence[Note]
    ) -> None:
        self.kind = kind
        self._praise = praise
        self.passed = not notes
        self.mistakes = tuple(mistakes)
        self.notes = tuple(notes)

    @property
    def _headline(self) -> str:
        return f"{self.kind}: " + ("right" if self.passed else "not right yet")

    @property
    def _pages(self) -> list[tuple[str, str]]:
        """Where to read again, each page once."""
        return [
            PAGES[page] for page in dict.fromkeys(note.page for note in self.notes if note.page)
        ]

    def __repr__(self) -> str:
        def lines(text: str, indent: int) -> str:
            space = " " * indent
            wrap = TextWrapper(88, space, space, break_long_words=False, break_on_hyphens=False)
            return wrap.fill(text)

        parts = [self._headline]
        if self.passed:
            parts.append(lines(self._praise, 2))
        for title, says, _, code in self.notes:
            parts += [lines(title, 2)] if title else []
            parts.append(lines(says, 4))
            parts += [f"        {code}"] if code else []
        parts += [lines(f"Read again: {title} ({path})", 2) for path, title in self._pages]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        look = "tip" if self.passed else "attention"
        parts = [f'<p class="admonition-title"><strong>{escape(self._headline)}</strong></p>']
        if self.passed:
            parts.append(f"<p>{escape(self._praise)}</p>")
        for title, says, _, code in self.notes:
            lead = f"<strong>{escape(title)}.</strong> " if title else ""
            parts.append(f"<p>{lead}{escape(says)}</p>")
            parts += [f"<pre><code>{escape(code)}</code></pre>"] if code else []
        # Chapters lie in folders beside one another; where the book is built, _ext/report_links
        # makes the page of the notebook.
        links = [
            f'<a class="read-again" href="..{path.removeprefix("book")}.ipynb">{escape(title)}</a>'
            for path, title in self._pages
        ]
        parts += [f"<p>Read again: {', '.join(links)}.</p>"] if links else []
        return f'<div class="admonition {look}">{"".join(parts)}</div>'
