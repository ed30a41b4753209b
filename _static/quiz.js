// Makes a form of every quiz: the list of its options becomes buttons to choose by, and the reason
// for what was chosen comes from the answers that are folded below.
{
  // A translation changes these words and nothing else.
  const WORDS = {
    check: "Check",
    none: "Choose an answer first.",
    missing: (n) => (n === 1 ? "One more is right." : `${n} more are right.`),
  };

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function upgrade(quiz, number) {
    const list = quiz.querySelector(".quiz-options");
    const answers = [...quiz.querySelectorAll(".quiz-answers > li")];
    const isRight = answers.map((answer) => answer.classList.contains("quiz-right"));
    const type = isRight.filter(Boolean).length > 1 ? "checkbox" : "radio";
    const inputs = [...list.children].map((option, k) => {
      const input = make("input", { type, name: `quiz-${number}`, id: `quiz-${number}-${k}` });
      const label = make("label", { htmlFor: input.id }, ...option.childNodes);
      option.append(input, label);
      return input;
    });
    const feedback = make("div", { className: "quiz-feedback" });
    feedback.setAttribute("aria-live", "polite");
    const question = quiz.querySelector(".quiz-question").lastElementChild;
    const legend = make("legend", {}, ...question.childNodes);
    question.remove();
    const buttons = make("div", { className: "buttons" }, make("button", {}, WORDS.check));
    const form = make("form", { autocomplete: "off" });
    list.before(form);
    form.append(make("fieldset", {}, legend, list), buttons, feedback);
    form.addEventListener("change", () => feedback.replaceChildren());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = inputs.flatMap(({ checked }, k) => (checked ? [k] : []));
      const missing = isRight.filter((right, k) => right && !inputs[k].checked).length;
      const letter = (k) => (type === "radio" ? "" : String.fromCharCode(65 + k) + ". ");
      const said = chosen.map((k) => say(letter(k), answers[k]));
      if (!chosen.length) said.push(WORDS.none);
      else if (missing && chosen.every((k) => isRight[k])) said.push(WORDS.missing(missing));
      feedback.replaceChildren(...said);
    });
  }

  function say(letter, answer) {
    const copies = [...answer.childNodes].map((node) => node.cloneNode(true));
    return make("div", { className: answer.className }, letter, ...copies);
  }

  addEventListener("DOMContentLoaded", () => document.querySelectorAll(".quiz").forEach(upgrade));
}
