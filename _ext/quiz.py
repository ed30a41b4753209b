"""Quizzes: a question, its options, and for each option the reason why it is right or wrong.

In a chapter a quiz is an admonition, which JupyterLab shows too::

    :::{admonition} Quiz
    :class: quiz
    :name: quiz-half-life

    A forget gate stands at 0.9. After how many steps is half of the content left?

    - [ ] After 5.

      Each step takes a tenth of what is left, not of what was there at first.

    - [x] Between 6 and 7.

      $0.9^k$ passes a half there.

    - [ ] Never, for the gate is open.

      Open is a number, and 0.9 is less than 1.
    :::

The last paragraph of an item is the reason, what stands before it the option. With one right
option one is to be chosen, with several all of them. The page holds question and options as a
list, the answers with their reasons folded below; ``_static/quiz.js`` makes a form of the list.
``:::{quiz}`` is short for the first two lines, and JupyterLab does not know it.
"""

from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from folds import fold
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

ASK_ONE = "Quiz: which one is right?"
ASK_ALL = "Quiz: which of these are right? Choose all."
ANSWERS = "The answers, with reasons"
VERDICTS = {True: "Right.", False: "Not right."}
MARKS = {"[x] ": True, "[ ] ": False}
LETTERS = {"enumtype": "upperalpha", "prefix": "", "suffix": "."}

logger = logging.getLogger(__name__)


class Quiz(SphinxDirective):
    """An admonition of the class quiz, in short."""

    has_content = True
    option_spec: ClassVar = {"name": directives.unchanged}

    def run(self):
        """Return the admonition."""
        box = nodes.admonition("", nodes.title("", "Quiz"), classes=["quiz"])
        box += self.parse_content_to_nodes()
        self.set_source_info(box)
        self.add_name(box)
        return [box]


class MakeQuizzes(SphinxTransform):
    """Turn admonitions of the class quiz into question, options and answers."""

    default_priority = 15  # before texts are translated

    def apply(self):
        """Replace each admonition, or leave out what is no quiz."""
        for box in list(self.document.findall(nodes.admonition)):
            if "quiz" in box["classes"]:
                *question, items = box.children[1:] or [None]
                found = list(faults(question, items))
                if found:
                    says = f"the quiz {', '.join(found)}"
                    logger.warning(says, location=box, type="quiz")
                    box.parent.remove(box)
                else:
                    made = quiz_of(box, question, items)
                    box.replace_self(made)
                    self.document.ids.update(dict.fromkeys(made["ids"], made))


def quiz_of(box, question, items):
    """Return the node of a quiz, its options marked, in place of an admonition."""

    def noted(node):
        """Give a node the place of the box, without which translators do not find it."""
        node.source, node.line = box.source, box.line
        return node

    def paragraph(text, kind):
        return noted(nodes.paragraph(text, text, classes=[kind]))

    right = [take_mark(item) for item in items]
    options = nodes.enumerated_list(classes=["quiz-options"], **LETTERS)
    answers = nodes.enumerated_list(classes=["quiz-answers"], **LETTERS)
    for item, is_right in zip(items, right, strict=True):
        *option, reason = item.children
        options += nodes.list_item("", *option)
        kind = "quiz-right" if is_right else "quiz-wrong"
        verdict = paragraph(VERDICTS[is_right], "quiz-verdict")
        answers += nodes.list_item("", verdict, reason, classes=[kind])
    made = nodes.container(
        "",
        paragraph(ASK_ONE if sum(right) == 1 else ASK_ALL, "quiz-title"),
        nodes.container("", *question, classes=["quiz-question"]),
        options,
        fold(ANSWERS, [answers], box),
        classes=["quiz", "explorer"],
        ids=box["ids"],
        names=box["names"],
    )
    return noted(made)


def faults(question, items):
    """Yield what is wrong with a quiz of a question and a list of items."""
    if not isinstance(items, nodes.bullet_list):
        yield "has to end with the list of its options"
        return
    if not question:
        yield "needs a question before its options"
    marks = [mark_of(item) for item in items]
    if None in marks:
        yield "has an option that does not begin with [ ] or [x]"
    if True not in marks:
        yield "needs an option that is right, marked [x]"
    if len(marks) < 3:
        yield "needs three options or more"
    if any(len(item) < 2 or not isinstance(item[-1], nodes.paragraph) for item in items):
        yield "has an option without a reason, a paragraph of its own after the option"


def mark_of(item):
    """Return whether an item is marked as right; None if it is not marked."""
    if not (item.children and isinstance(item[0], nodes.paragraph)):
        return None
    return MARKS.get(item[0].next_node().astext()[:4])  # the text before any markup


def take_mark(item):
    """Take the mark off an item; return whether it was marked as right."""
    is_right, paragraph = mark_of(item), item[0]
    paragraph[0] = nodes.Text(paragraph[0].astext()[4:])
    paragraph.rawsource = paragraph.rawsource[4:]  # what translators are given
    return is_right


def setup(app):
    """Register with Sphinx."""
    app.setup_extension("folds")
    app.add_directive("quiz", Quiz)
    app.add_transform(MakeQuizzes)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
