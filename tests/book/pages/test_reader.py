"""The reader of a text, first with a network of random weights, put into a page."""

import base64
import sys

import numpy as np
import pytest
import torch

from lstm_tutorial.models import CharLM, trained_char_lm
from tests.book.pages.axe import violations
from tests.book.pages.built import CHAPTERS, ROOT
from tests.book.pages.tabs import focused, without_scripts

sys.path.insert(0, str(ROOT / "_ext"))
from char_reader import PARTS, pack


@pytest.fixture
def reader(watched):
    """Return a network and the element that runs it, begun by keyboard."""
    torch.manual_seed(0)
    net = CharLM(" abcdenor", 12)
    for weight in net.double().parameters():
        weight.data = 4 * weight.data.half().double()
    learnt = {name: weight.data for name, weight in net.named_parameters()}
    parts = [learnt[f"lstm.weight_{part}_l0"] for part in ("ih", "hh")]
    parts += [learnt["lstm.bias_ih_l0"] * 0, learnt["linear.weight"], learnt["linear.bias"]]
    for name in ("bias_ih", "bias_hh"):
        getattr(net.lstm, name + "_l0").data.zero_()
    packed = pack(net.alphabet, dict(zip(PARTS, [p.numpy() for p in parts], strict=True)))
    source = "data:;base64," + base64.b64encode(packed).decode()
    tab = watched.open(CHAPTERS[0])
    tab.evaluate(
        """(source) => document.querySelector(".bd-article h1").insertAdjacentHTML("afterend",
        `<lstm-reader class="explorer" src="${source}"></lstm-reader>`)""",
        source,
    )
    element = tab.locator("lstm-reader")
    element.get_by_role("button").press("Enter")
    element.locator("textarea").wait_for()
    return net, element


def assert_reads_as_torch(net, element, text):
    """Compare what the page computed with PyTorch."""
    hs, c, ps = element.evaluate("(e) => ['h', 'c', 'p'].map((k) => e.steps.map((s) => s[k]))")
    with torch.no_grad():
        logits, (_, c_T) = net(net.encode(text)[:, None])
        states, _ = net.lstm(torch.eye(9, dtype=torch.float64)[net.encode(text)][:, None])
    assert np.allclose(hs, states[:, 0], rtol=0, atol=1e-9)
    assert np.allclose(c[-1], c_T[0, 0], rtol=0, atol=1e-9)
    assert np.allclose(ps, logits[:, 0].softmax(1), rtol=0, atol=1e-9)


def test_the_reader_reads_as_pytorch_does(reader, watched):
    net, element = reader
    box = element.get_by_label("Text to read")
    assert focused(watched.tab, "localName") == "textarea"
    box.fill("a rod once")
    assert_reads_as_torch(net, element, "a rod once")
    box.press("Home")
    watched.tab.keyboard.type("no")  # in the middle: all that follows is read again
    box.press("End")
    box.press("Backspace")
    assert_reads_as_torch(net, element, "noa rod onc")
    box.press_sequentially("q!e")
    assert_reads_as_torch(net, element, "noa rod once")
    assert "does not know q !" in element.locator(".result").inner_text()
    box.fill("")
    assert element.evaluate("(e) => e.steps.length") == 0
    assert watched.faults == []


def test_the_reader_shows_what_it_computed(reader, watched):
    net, element = reader
    element.get_by_label("Text to read").fill("bread")
    element.get_by_role("slider", name="Character").press("ArrowLeft")
    step = element.evaluate("(e) => e.steps[3]")
    assert element.locator("[data-now]").inner_text() == step["character"] == "a"
    for row in "ifogch":
        drawn = element.locator(f"[data-row={row}] rect").evaluate_all(
            "(all) => all.map((r) => r.getAttribute('fill-opacity')"
            " * (r.classList.contains('minus') ? -1 : 1))"
        )
        assert drawn == pytest.approx(np.clip(step[row], -1, 1), abs=0.0006)
    best = net.alphabet[int(np.argmax(step["p"]))].replace(" ", "space")
    first = element.locator("tbody tr").first.inner_text().split()
    assert first == [best, f"{round(100 * max(step['p']))}", "%"]
    assert f"After “brea” it expects {best}" in element.locator(".result").inner_text()
    element.get_by_role("button").press("Enter")
    written = element.get_by_label("Text to read").input_value()
    assert written.startswith("bread") and len(written) == 25
    assert_reads_as_torch(net, element, written)
    assert watched.faults == []
    for theme in ("light", "dark"):
        assert violations(watched.tab, theme, "lstm-reader") == []


def test_the_reader_says_when_there_is_no_network(watched):
    tab = watched.open(CHAPTERS[0])
    tab.evaluate("""() => document.querySelector(".bd-article h1").insertAdjacentHTML("afterend",
        `<lstm-reader class="explorer" src="data:,none"></lstm-reader>`)""")
    element = tab.locator("lstm-reader")
    element.get_by_role("button").press("Enter")
    said = element.get_by_text("could not be fetched")
    said.wait_for()
    assert element.get_by_role("button").is_visible()


LANGUAGE = "book/4-practice/language.html"


def test_the_trained_network_in_the_page_is_that_of_the_package(watched):
    element = watched.open(LANGUAGE).locator("lstm-reader")
    element.get_by_role("button").press("Enter")
    box = element.get_by_label("Text to read")
    box.wait_for()
    assert box.input_value() == "In the beginning God created the heaven"
    text = "And Moses said, Who is this?\nThe LORD"
    box.fill(text)
    net, state = trained_char_lm(), None
    read = element.evaluate("(e) => e.steps.map(({c, h, p}) => [c, h, p])")
    assert len(read) == len(text)
    for number, (c, h, p) in zip(net.encode(text), read, strict=True):
        with torch.no_grad():
            logits, state = net(number.reshape(1, 1), state)
        expected = (state[1], state[0], logits.softmax(2))
        for found, tensor in zip((c, h, p), expected, strict=True):
            assert np.allclose(found, tensor.flatten(), rtol=0, atol=1e-5)
    assert watched.faults == []
    for theme in ("light", "dark"):
        assert violations(watched.tab, theme, "lstm-reader") == []


def test_without_scripts_the_page_says_where_a_network_would_read(browser, site):
    with without_scripts(browser, site + LANGUAGE) as tab:
        assert "needs a browser that runs scripts" in tab.locator("lstm-reader").inner_text()
