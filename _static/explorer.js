// What the explorers with sliders share. An element made from Explorer says which sliders and
// presets it has and what it draws; its show() is given the sliders' values, moves the drawing
// and says the numbers, which it also keeps, unrounded, as this.numbers.
class Explorer extends HTMLElement {
  static RESET = "Reset"; // a translation changes this word, and the WORDS of each element
  static count = 0;

  // With a true minus sign, and none before zero.
  static signed(number, digits) {
    return number.toFixed(digits).replace(/^-(?=[0.]*$)/, "").replace("-", "−");
  }

  // An element with its attributes and what it holds.
  static html(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // Each slider: name, label, least, most, step, value at the start. Each preset: label, values.
  sliders = [];
  presets = [];

  connectedCallback() {
    const id = `${this.localName}-${Explorer.count++}`;
    const start = Object.fromEntries(this.sliders.map((s) => [s[0], s[5]]));
    const moves = [...this.presets, [Explorer.RESET, start]];
    this.innerHTML = `${this.drawing()}
      <p class="result" aria-live="polite"></p>
      <div class="buttons">${moves.map(([b]) => `<button type="button">${b}</button>`).join("")}</div>
      <div class="controls">${this.sliders.map((s) => this.slider(id, s)).join("")}</div>`;
    this.querySelectorAll("button").forEach((button, k) =>
      button.addEventListener("click", () => this.set(moves[k][1])),
    );
    this.addEventListener("input", () => this.update());
    this.set(start);
  }

  slider(id, [name, label, least, most, step]) {
    return `<label for="${id}-${name}">${label}</label>
      <input type="range" id="${id}-${name}" name="${name}" min="${least}" max="${most}" step="${step}">
      <output for="${id}-${name}" aria-live="off"></output>`;
  }

  set(values) {
    for (const [name, value] of Object.entries(values))
      this.querySelector(`input[name=${name}]`).value = value;
    this.update();
  }

  update() {
    const values = {};
    for (const input of this.querySelectorAll("input")) {
      const digits = input.step.split(".")[1]?.length ?? 0;
      input.nextElementSibling.value = Explorer.signed(input.valueAsNumber, digits);
      values[input.name] = input.valueAsNumber;
    }
    this.show(values);
  }

  say(html) {
    this.querySelector(".result").innerHTML = html;
  }

  place(selector, attributes) {
    const shape = this.querySelector(selector);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
  }
}
