// The weights, biases and inputs of the living cell, for the reader to change, and the challenge.
{
  const WORDS = {
    title: "Weights, biases and inputs",
    caption: (unit) => `Weights and biases of unit ${unit}`,
    units: "Units",
    inputs: "Inputs",
    gates: { i: "input gate", f: "forget gate", g: "candidate", o: "output gate" },
    bias: "bias",
    weight: (gate, column) => `${gate}, ${column}`,
    sequence: (k) => `Sequence of x${k}`,
    notNumbers: "Enter 1 to 60 numbers, separated by commas or spaces.",
    notEqual: "Each input needs as many numbers as the first.",
    task:
      "Challenge: the inputs are 1 and −1. Set the weights so that the cell state counts: after every " +
      "sequence c is the number of 1s minus the number of −1s.",
    begin: "Take the challenge",
    check: "Check my cell",
    counts: (worst) =>
      `It counts. Over 20 sequences of 30 steps c is never off by more than ${worst}.`,
    misses: (xs, c, wanted) =>
      `Not yet: after ${xs} the cell state is ${c}, and should be ${wanted}.`,
    hint: "Which gates must stay open? What should the candidate be for 1, and for −1?",
  };
  const ROWS = { i: "input", f: "forget", g: "candidate", o: "output" };
  const ORDER = ["i", "f", "g", "o"];
  const TOLERANCE = 0.1;
  const FIRST = [[1], [-1], [1, 1], [1, -1], [1, 1, 1, 1, 1], [-1, -1, -1, 1]];

  const html = (...parts) => Explorer.html(...parts);

  const text = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

  // Twenty sequences of 1 and −1, the same for every reader.
  function sequences() {
    let seed = 1;
    const coin = () => {
      seed = (seed * 48271) % 2147483647;
      return seed % 2 ? 1 : -1;
    };
    return [...FIRST, ...Array.from({ length: 20 }, () => Array.from({ length: 30 }, coin))];
  }

  // What a cell of one input makes of the challenge: null, or the first sequence that it misses.
  function challenge(cell) {
    let worst = 0;
    for (const xs of sequences()) {
      const padded = xs.map((x) => [x, ...cell.W_ih[0].slice(1).map(() => 0)]);
      const c = LstmMath.run(padded, cell).at(-1).c[0];
      const wanted = xs.reduce((sum, x) => sum + x, 0);
      if (Math.abs(c - wanted) > TOLERANCE) return { xs, c, wanted };
      worst = Math.max(worst, Math.abs(c - wanted));
    }
    return { worst };
  }

  globalThis.CellEditor = class {
    constructor(id, change, load) {
      Object.assign(this, { id, change, load });
      this.sizes = ["units", "inputs"].map((name) => {
        const box = html("select", {}, html("option", {}, "1"), html("option", {}, "2"));
        box.addEventListener("change", () => this.resize());
        return { box, label: html("label", {}, WORDS[name] + " ", box) };
      });
      this.table = html("table");
      this.sequence = html("div", { class: "sequences" });
      this.fault = html("p", { class: "fault", role: "alert" });
      this.result = html("p", { class: "result", "aria-live": "polite" });
      const button = (words, action) => {
        const made = html("button", { type: "button" }, words);
        made.addEventListener("click", action);
        return made;
      };
      this.check = button(WORDS.check, () => this.judge());
      this.element = html(
        "details",
        { class: "editor" },
        html("summary", {}, WORDS.title),
        html("div", { class: "buttons" }, ...this.sizes.map(({ label }) => label)),
        this.table,
        this.sequence,
        this.fault,
        html("p", { class: "task" }, WORDS.task),
        html(
          "div",
          { class: "buttons" },
          button(WORDS.begin, () => this.begin()),
          this.check,
        ),
        this.result,
      );
      this.unit = 0;
    }

    // Show a cell; a copy of it is what the reader edits.
    fill(cell) {
      this.cell = structuredClone(cell);
      const [H, D] = [cell.W_hh[0].length, cell.W_ih[0].length];
      [H, D].forEach((size, k) => (this.sizes[k].box.value = size));
      this.result.textContent = this.fault.textContent = "";
      this.sequence.replaceChildren(
        ...Array.from({ length: D }, (_, k) => this.sequenceField(k, D)),
      );
      this.show(Math.min(this.unit, H - 1));
    }

    show(unit) {
      this.unit = unit;
      const { W_ih, W_hh, b } = this.cell;
      const [H, D] = [W_hh[0].length, W_ih[0].length];
      const name = (letter, k, size) => letter + (size > 1 ? k + 1 : "");
      const columns = [
        ...W_ih[0].map((_, k) => [name("x", k, D), (row) => [W_ih[row], k]]),
        ...W_hh[0].map((_, k) => [name("h", k, H), (row) => [W_hh[row], k]]),
        [WORDS.bias, (row) => [b, row]],
      ];
      const head = columns.map(([title]) => html("th", { scope: "col" }, title));
      const rows = ORDER.map((gate, k) => {
        const cells = columns.map(([title, at]) => {
          const [array, index] = at(k * H + unit);
          return html(
            "td",
            {},
            this.numberField(WORDS.weight(WORDS.gates[gate], title), array, index),
          );
        });
        const name = html("span", {}, WORDS.gates[gate]);
        return html(
          "tr",
          { class: ROWS[gate] },
          html("th", { scope: "row" }, html("i", {}, gate), " ", name),
          ...cells,
        );
      });
      this.table.replaceChildren(
        html("caption", {}, WORDS.caption(unit + 1)),
        html("thead", {}, html("tr", {}, html("td"), ...head)),
        html("tbody", {}, ...rows),
      );
    }

    numberField(label, array, index) {
      const field = html("input", { type: "number", step: "any", "aria-label": label });
      field.value = Number(array[index].toFixed(4));
      field.addEventListener("input", () => {
        if (!Number.isFinite(field.valueAsNumber)) return;
        array[index] = field.valueAsNumber;
        this.tell();
      });
      return field;
    }

    sequenceField(k, D) {
      const id = `${this.id}-x${k}`;
      const field = html("input", { type: "text", id, autocomplete: "off", spellcheck: "false" });
      field.value = this.cell.x.map((x) => Number(x[k].toFixed(4))).join(", ");
      field.addEventListener("change", () => this.readSequences());
      return html("label", { for: id }, WORDS.sequence(D > 1 ? k + 1 : "") + " ", field);
    }

    readSequences() {
      const lines = [...this.sequence.querySelectorAll("input")].map((field) =>
        field.value
          .replaceAll("−", "-")
          .split(/[\s,;]+/)
          .filter(Boolean)
          .map(Number),
      );
      const good = lines.every(
        (line) => line.length && line.length <= 60 && line.every(Number.isFinite),
      );
      const equal = lines.every((line) => line.length === lines[0].length);
      this.fault.textContent = good ? (equal ? "" : WORDS.notEqual) : WORDS.notNumbers;
      if (!good || !equal) return;
      this.cell.x = lines[0].map((_, t) => lines.map((line) => line[t]));
      this.tell();
    }

    // Units and inputs that are added begin with weights of 0.
    resize() {
      const [H, D] = this.sizes.map(({ box }) => Number(box.value));
      const old = this.cell;
      const before = old.W_hh[0].length;
      const rows = Array.from({ length: 4 * H }, (_, k) =>
        k % H < before ? Math.floor(k / H) * before + (k % H) : -1,
      );
      const columns = (row, size) => Array.from({ length: size }, (_, k) => row?.[k] ?? 0);
      const cell = {
        W_ih: rows.map((row) => columns(old.W_ih[row], D)),
        W_hh: rows.map((row) => columns(old.W_hh[row], H)),
        b: rows.map((row) => old.b[row] ?? 0),
        x: old.x.map((x) => columns(x, D)),
      };
      this.fill(cell);
      this.tell();
    }

    tell() {
      this.result.textContent = "";
      this.change(structuredClone(this.cell));
    }

    begin() {
      this.load("empty");
      this.element.open = true;
      this.result.textContent = WORDS.hint;
    }

    judge() {
      const { xs, c, wanted, worst } = challenge(this.cell);
      const shown = xs && (xs.length > 6 ? xs.slice(0, 6).join(", ") + ", …" : xs.join(", "));
      this.result.textContent = xs
        ? WORDS.misses(shown.replaceAll("-", "−"), text(c), text(wanted, 0))
        : WORDS.counts(text(worst, 3));
      this.result.classList.toggle("right", !xs);
    }
  };
}
