"""Notebooks for small books."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

METADATA = {
    "kernelspec": {"name": "python3", "display_name": "Python 3"},
    "language_info": {"name": "python"},
}


def notebook(title, *cells, **metadata):
    """Return a page: a text is a text, a tuple a code cell and its tags."""
    made = [new_markdown_cell(f"# {title}")]
    for cell in cells:
        if isinstance(cell, str):
            made.append(new_markdown_cell(cell))
        else:
            made.append(new_code_cell(cell[0], metadata={"tags": cell[1:]}, execution_count=1))
    return new_notebook(cells=made, metadata=METADATA | metadata)
