"""Exercises whose answers differ and are right all the same: they are measured, by trials."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._kind import Kind, draw
from lstm_tutorial.exercises._reading import Array, Finding, Trouble

Fn = Callable[..., Any]


def by_measuring(
    signature: str, measure: Callable[[Fn], Iterator[Finding]], page: str, praise: str
) -> Kind:
    """Return a kind whose answers are measured: what is found is wrong, the cause first."""

    def ask(fn: Fn) -> float:
        found = [finding._replace(page=finding.page or page) for finding in measure(fn)][:3]
        if found:
            raise Trouble(*found)
        return 1.0

    return Kind(signature, {"trials": ""}, [{}], lambda: 1.0, page, ask=ask, praise=praise)


def first(found: Mapping[str, Any], names: Sequence[str] = ()) -> Iterator[Finding]:
    """Find the first that is so, of ``"title | sentence"``; a title may hold an argument's name."""
    for text in [text for text, is_so in found.items() if is_so][:1]:
        title, _, says = text.partition(" | ")
        yield Finding(title, says, tuple(name for name in names if name in title))


def arrays(outputs: Mapping[str, str], returned: Any, **sizes: int) -> list[Array]:
    """Return what came back as arrays of the given axes, or say what it is instead."""

    def right() -> tuple[Any, ...]:
        return tuple(draw(0, outputs, **sizes).values())

    kind = Kind(f"() -> ({', '.join(outputs)})", outputs, [{}], right, "")
    return Ask(kind, right).outputs((), returned)
