"""What is folded until the reader opens it: quizzes' answers and claims' tests."""

from docutils import nodes


class Fold(nodes.General, nodes.Element):
    """What is folded, where the output can fold."""


class FoldTitle(nodes.TextElement):
    """The line that opens it."""


def fold(title, content, at, **attributes):
    """Return nodes folded under a title, which translators find at the place of another node."""
    line = FoldTitle(title, title)
    line.source, line.line = at.source, at.line
    return Fold("", line, *content, **attributes)


def visit(tag):
    """Return what writes the start and the end of an element in HTML."""
    return (
        lambda writer, node: writer.body.append(writer.starttag(node, tag)),
        lambda writer, node: writer.body.append(f"</{tag}>\n"),
    )


def setup(app):
    """Register with Sphinx."""
    nothing = (lambda writer, node: None, lambda writer, node: None)
    others = dict.fromkeys(("latex", "text", "texinfo", "man"), nothing)
    app.add_node(Fold, html=visit("details"), **others)
    app.add_node(FoldTitle, html=visit("summary"), **others)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
