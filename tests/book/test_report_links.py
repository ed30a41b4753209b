"""The report of a check, as stored in a notebook, links to pages once the book is built."""

import numpy as np

from lstm_tutorial import exercises


def test_links_of_a_report_lead_to_pages(build):
    report = exercises.check("gate", lambda x, h, W, U, b: np.tanh(x @ W.T + h @ U.T + b))
    html = report._repr_html_()
    assert 'href="../2-cell/gates.ipynb">The gates</a>' in html
    other = '<p><a href="other.ipynb">another notebook</a></p>'
    done, out = build(index=f"# Page\n\n{html}\n\n{other}\n")
    assert done.returncode == 0, done.stderr
    page = (out / "index.html").read_text(encoding="utf-8")
    assert 'href="../2-cell/gates.html">The gates</a>' in page
    assert 'href="other.ipynb"' in page
