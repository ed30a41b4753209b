"""What the API page leaves out."""

from collections import namedtuple

# The type of a named tuple's fields. Their own text is "Alias for field number 0"; the section
# Attributes of the class says what they are.
FIELD = type(namedtuple("Pair", "a b").a)


def skip_fields(app, what, name, member, skip, options):
    """Leave out the fields of named tuples."""
    return True if isinstance(member, FIELD) else skip


def setup(app):
    """Register with Sphinx."""
    app.connect("autodoc-skip-member", skip_fields)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
