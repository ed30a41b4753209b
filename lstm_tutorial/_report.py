"""What a check says, for a notebook and for a terminal."""

from collections.abc import Sequence
from html import escape

from lstm_tutorial._exercise import PAGES, Note


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

    def __repr__(self) -> str:
        lines = [self._headline]
        if self.passed:
            lines.append("  " + self._praise)
        for title, says, page, code in self.notes:
            lines += [f"  {title}"] if title else []
            lines += [f"    {says}"]
            lines += [f"        {code}"] if code else []
            lines += [f"    Read again: {PAGES[page][1]} ({PAGES[page][0]})"] if page else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        def paragraph(text: str, tag: str = "p") -> str:
            return f"<{tag}>{escape(text)}</{tag}>"

        look = "tip" if self.passed else "attention"
        parts = [f'<p class="admonition-title">{escape(self._headline)}</p>']
        if self.passed:
            parts.append(paragraph(self._praise))
        for title, says, page, code in self.notes:
            lead = f"<strong>{escape(title)}.</strong> " if title else ""
            parts.append(f"<p>{lead}{escape(says)}</p>")
            parts += [f"<pre><code>{escape(code)}</code></pre>"] if code else []
            parts += [paragraph(f"Read again: {PAGES[page][1]} ({PAGES[page][0]})")] if page else []
        return f'<div class="admonition {look}">{"".join(parts)}</div>'
