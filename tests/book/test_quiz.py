"""Quizzes as _ext/quiz.py reads them, in a small book of their own."""

import re

import pytest

QUESTION = "After how many steps is half of $c_0$ left?"
ITEMS = [
    "- [ ] After 5, for $f = 0.9$.\n\n  It takes a tenth of what is *left*.",
    "- [x] Between 6 and 7:\n\n  ```python\n  0.9**6\n  ```\n\n  So says `log`.",
    "- [ ] *Never.*\n\n  It halves, and then halves again.",
]


def quiz(*items, question=QUESTION, fence="{admonition} Quiz\n:class: quiz"):
    parts = [f":::{fence}\n:name: quiz-half", question, *(items or ITEMS)]
    return "# Page\n\n" + "\n\n".join(parts) + "\n:::\n"


def test_without_scripts_a_quiz_is_a_list_with_its_answers_folded(build):
    done, out = build(index=quiz())
    assert done.returncode == 0, done.stderr
    page = (out / "index.html").read_text(encoding="utf-8")
    box = page[page.index('<div class="quiz explorer') : page.index("</details>")]
    seen, folded = box.split("<details>")
    assert 'id="quiz-half"' in seen and "which one is right?" in seen
    assert seen.count("<li>") == 3 and "takes a tenth" not in seen and "Right" not in seen
    assert "[ ]" not in box and "[x]" not in box
    assert len(re.findall(r'class="math', seen)) == 2 and 'class="highlight-python' in seen
    assert "<summary>" in folded
    kinds = re.findall(r'<li class="(quiz-\w+)"><p class="quiz-verdict">(\w+)', folded)
    assert kinds == [("quiz-wrong", "Not"), ("quiz-right", "Right"), ("quiz-wrong", "Not")]


def test_the_short_fence_makes_the_same_quiz(build):
    pages = []
    for fence in ("{quiz}", "{admonition} Quiz\n:class: quiz"):
        done, out = build(index=quiz(fence=fence))
        assert done.returncode == 0, done.stderr
        pages.append((out / "index.html").read_text(encoding="utf-8"))
    assert pages[0] == pages[1]


def test_a_quiz_with_several_right_options_says_so(build):
    right = ITEMS[0].replace("[ ]", "[x]")
    done, out = build(index=quiz(right, *ITEMS[1:]))
    assert done.returncode == 0, done.stderr
    assert "Choose all." in (out / "index.html").read_text(encoding="utf-8")


UNMARKED = "- After 5.\n\n  A reason."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (quiz(ITEMS[0], ITEMS[2], ITEMS[2]), "needs an option that is right, marked [x]"),
        (quiz(*ITEMS[:2]), "needs three options or more"),
        (quiz(ITEMS[0], ITEMS[1], "- [ ] After 8."), "an option without a reason"),
        (quiz(ITEMS[0], ITEMS[1], "- [ ] `f`\n\n  ```\n  f\n  ```"), "an option without a reason"),
        (quiz(ITEMS[0], ITEMS[1], UNMARKED), "does not begin with [ ] or [x]"),
        (quiz(ITEMS[0], ITEMS[1], "- **[ ] All.**\n\n  No."), "does not begin with [ ] or [x]"),
        (quiz(question=""), "needs a question"),
        (quiz(*ITEMS, "Text behind."), "has to end with the list of its options"),
        ("# Page\n\n:::{quiz}\n:::\n", "has to end with the list of its options"),
    ],
)
def test_a_faulty_quiz_fails_the_build(build, text, message):
    done, _ = build(index=text)
    assert done.returncode == 1
    assert "index.md:3: WARNING: the quiz" in done.stderr and message in done.stderr


def test_translators_get_question_options_and_reasons(build):
    done, out = build("gettext", index=quiz())
    assert done.returncode == 0, done.stderr
    messages = set(
        re.findall(r'^msgid "(.+)"', (out / "index.pot").read_text(encoding="utf-8"), re.M)
    )
    options = {"After 5, for $f = 0.9$.", "Between 6 and 7:", "*Never.*"}
    assert {QUESTION, "It takes a tenth of what is *left*.", "Right.", *options} < messages
    assert not any(message.startswith("[") for message in messages)


def test_a_quiz_can_be_read_on_paper(build):
    done, out = build("text", index=quiz())
    assert done.returncode == 0, done.stderr
    page = (out / "index.txt").read_text(encoding="utf-8")
    assert page.index("half of c_0") < page.index("Never") < page.index("halves again")
