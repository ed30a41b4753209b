"""Quizzes, answered by keyboard."""

from tests.book.pages.axe import violations
from tests.book.pages.tabs import focused, without_scripts

GATES = "book/2-cell/gates.html"


def heard(said):
    """Return what a live region says, in one line."""
    return " ".join(said.inner_text().split())


def test_a_quiz_answers_by_keyboard_and_says_why(watched):
    tab = watched.open(GATES)
    quiz = tab.locator("#quiz-gates-098")
    said, reasons = quiz.locator("[aria-live=polite]"), quiz.locator(".quiz-answers")
    assert heard(said) == "" and not reasons.is_visible()
    button = quiz.get_by_role("button", name="Check")
    button.press("Enter")
    assert heard(said) == "Choose an answer first."
    assert focused(tab, "textContent") == "Check"
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Home")  # the way into the group, whichever end Shift+Tab came from
    first = quiz.get_by_role("radio").first
    first.press("Space")
    assert first.is_checked() and heard(said) == ""
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert tab.evaluate(outline) == "solid"
    tab.keyboard.press("Enter")
    assert heard(said).startswith("Not right. That is one step.")
    for _ in range(2):
        tab.keyboard.press("ArrowDown")
    assert heard(said) == ""
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    assert heard(said).startswith("Right. ")
    assert said.locator("mjx-container").count() == 1  # the reason's formula is set there too
    quiz.locator("summary").press("Enter")
    assert reasons.is_visible()
    assert watched.faults == []


def test_a_quiz_with_several_right_options_wants_them_all(watched):
    tab = watched.open(GATES)
    quiz = tab.locator("#quiz-gates-true")
    said, boxes = quiz.locator("[aria-live=polite]"), quiz.get_by_role("checkbox")
    check = quiz.get_by_role("button", name="Check")
    boxes.nth(0).press("Space")
    check.press("Enter")
    assert heard(said).startswith("A. Right.") and "One more is right." in heard(said)
    boxes.nth(1).press("Space")
    check.press("Enter")
    assert "B. Not right." in heard(said) and "more" not in heard(said)
    boxes.nth(1).press("Space")
    boxes.nth(2).press("Space")
    check.press("Enter")
    assert heard(said).count("Right.") == 2 and "more" not in heard(said)


def test_an_answered_quiz_is_accessible_and_forgets(watched):
    tab = watched.open(GATES)
    for quiz in tab.locator(".quiz").all():
        quiz.locator("input").first.check()
        quiz.get_by_role("button", name="Check").press("Enter")
        quiz.locator("summary").press("Enter")
    for theme in ("light", "dark"):
        assert violations(tab, theme, ".quiz") == []
    tab.reload()
    assert tab.locator(".quiz input:checked").count() == 0
    kept = "[...Object.entries(localStorage), ...Object.entries(sessionStorage)].flat()"
    assert not [text for text in tab.evaluate(kept) if "quiz" in text]


def test_without_scripts_a_quiz_is_text_with_its_answers_folded(browser, site):
    with without_scripts(browser, site + GATES) as tab:
        quiz = tab.locator("#quiz-gates-098")
        options, inputs = quiz.locator(".quiz-options > li"), quiz.locator("input")
        assert options.count() == 4 and inputs.count() == 0
        reason = quiz.get_by_text("That is one step.")
        assert not reason.is_visible()
        quiz.locator("summary").press("Enter")
        assert reason.is_visible()
