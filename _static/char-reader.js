// <lstm-reader src="FILE">: a trained LSTM reads what is typed, character by character, and shows
// its gates and states and what it expects next. The file is fetched when the reader asks for it.
{
  // A translation changes these words and nothing else.
  const WORDS = {
    start: "Fetch the network",
    failed: "The network could not be fetched.",
    text: "Text to read",
    first: "In the beginning God created the heaven",
    step: "Character",
    unit: "Unit",
    write: "Let it write 20 more",
    cells: "Gates and states of all units at this character, a row each; the stronger the colour, the larger the value",
    course: (unit) => `The text; below each character the cell state of unit ${unit}`,
    next: "What may come next",
    names: { " ": "space", "\n": "new line" },
    said: (read, best) => `After “${read}” it expects ${best}.`,
    left: (characters) => `It does not know ${characters}, and leaves that out.`,
  };
  const ROWS = ["i", "f", "o", "g", "c", "h"];
  const PARTS = ["W_ih", "W_hh", "b", "W_hy", "b_y"];
  const LIKELY = 6; // characters shown of those that may come next

  // A half precision number from its 16 bits.
  function half(bits) {
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
    const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction;
    return bits >> 15 ? -size : size;
  }

  // A line of JSON with alphabet and hidden size, then all weights in half precision.
  function parse(buffer) {
    const end = new Uint8Array(buffer).indexOf(10);
    const net = JSON.parse(new TextDecoder().decode(buffer.slice(0, end)));
    const [V, H] = [net.alphabet.length, net.hidden_size];
    const bits = new DataView(buffer, end + 1);
    let place = 0;
    for (const [k, size] of [4 * H * V, 4 * H * H, 4 * H, V * H, V].entries())
      net[PARTS[k]] = Float64Array.from({ length: size }, () =>
        half(bits.getUint16(2 * place++, true)),
      );
    return net;
  }

  const sigmoid = (z) => 1 / (1 + Math.exp(-z));

  // One step of the LSTM, gates in the order i, f, g, o, and the softmax of its readout.
  function read(net, character, before) {
    const [V, H] = [net.alphabet.length, net.hidden_size];
    const at = net.alphabet.indexOf(character);
    const z = Array.from({ length: 4 * H }, (_, row) => {
      let sum = net.W_ih[row * V + at] + net.b[row];
      for (let k = 0; k < H; k++) sum += net.W_hh[row * H + k] * before.h[k];
      return sum;
    });
    const part = (n, squash) => z.slice(n * H, (n + 1) * H).map(squash);
    const [i, f, g, o] = [part(0, sigmoid), part(1, sigmoid), part(2, Math.tanh), part(3, sigmoid)];
    const c = before.c.map((c_k, k) => f[k] * c_k + i[k] * g[k]);
    const h = c.map((c_k, k) => o[k] * Math.tanh(c_k));
    const logits = Array.from(net.b_y, (b, v) =>
      h.reduce((sum, h_k, k) => sum + net.W_hy[v * H + k] * h_k, b),
    );
    const most = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - most));
    const total = powers.reduce((a, b) => a + b);
    return { character, i, f, g, o, c, h, p: powers.map((power) => power / total) };
  }

  const named = (character) => WORDS.names[character] ?? character;
  const escaped = (text) => text.replace(/[<&]/g, (c) => (c === "<" ? "&lt;" : "&amp;"));
  const sign = (value) => (value < 0 ? "minus" : "plus");
  const percent = (p) => (p < 0.01 ? "under 1" : Math.round(100 * p)) + " %";

  let readers = 0;
  class Reader extends HTMLElement {
    connectedCallback() {
      this.innerHTML = `<div class="buttons"><button type="button">${WORDS.start}</button></div>
        <p class="result" aria-live="polite"></p>`;
      this.part("button").addEventListener("click", () => this.fetch());
    }

    part(selector) {
      return this.querySelector(selector);
    }

    async fetch() {
      try {
        const answer = await fetch(this.getAttribute("src"));
        if (!answer.ok) throw new Error(answer.status);
        this.net = parse(await answer.arrayBuffer());
      } catch {
        this.part(".result").textContent = WORDS.failed;
        return;
      }
      this.begin();
    }

    begin() {
      const id = `lstm-reader-${readers++}`;
      const H = this.net.hidden_size;
      const range = (name, most) => `<label for="${id}-${name}">${WORDS[name]}</label>
        <input type="range" id="${id}-${name}" name="${name}" min="1" max="${most}" value="1">
        <output for="${id}-${name}" aria-live="off"></output>`;
      const cells = ROWS.map((name, row) => {
        const rect = (_, k) => `<rect x="${20 + 3 * k}" y="${16 * row + 1}" width="3" height="12" />`;
        const rects = Array.from({ length: H }, rect).join("");
        return `<g data-row="${name}"><text x="0" y="${16 * row + 11}">${name}</text>${rects}</g>`;
      });
      this.innerHTML = `<label for="${id}">${WORDS.text}</label>
        <textarea id="${id}" rows="2" maxlength="300" spellcheck="false" autocomplete="off"></textarea>
        <div class="buttons"><button type="button">${WORDS.write}</button></div>
        <div class="controls">${range("step", 1)}${range("unit", H)}</div>
        <p class="course" role="img"></p>
        <svg viewBox="0 0 ${20 + 3 * H} 96" role="img" aria-label="${WORDS.cells}">${cells.join("")}</svg>
        <p class="result" aria-live="polite"></p>
        <table aria-label="${WORDS.next}"></table>`;
      this.text = this.part("textarea");
      this.text.value = WORDS.first;
      this.steps = [];
      this.text.addEventListener("input", () => this.read());
      for (const input of this.querySelectorAll("input"))
        input.addEventListener("input", () => this.show());
      this.part("button").addEventListener("click", () => this.write(20));
      this.read();
      this.text.focus();
    }

    // Reads the text, from the first character that has changed, and goes to its end.
    read() {
      const known = [...this.text.value].filter((c) => this.net.alphabet.includes(c));
      this.unknown = [...new Set([...this.text.value].filter((c) => !known.includes(c)))];
      const changed = known.findIndex((c, t) => this.steps[t]?.character !== c);
      this.steps.length = changed < 0 ? known.length : changed;
      const zeros = Array(this.net.hidden_size).fill(0);
      for (const c of known.slice(this.steps.length))
        this.steps.push(read(this.net, c, this.steps.at(-1) ?? { c: zeros, h: zeros }));
      const step = this.part("[name=step]");
      step.max = Math.max(1, known.length);
      step.value = known.length;
      this.show();
    }

    // Draws characters by their probabilities and reads them.
    write(count) {
      for (let k = 0; k < count && this.steps.length; k++) {
        let rest = Math.random();
        const place = this.steps.at(-1).p.findIndex((p) => (rest -= p) < 0);
        this.text.value += this.net.alphabet.at(place);
        this.read();
      }
    }

    show() {
      for (const input of this.querySelectorAll("input")) input.nextElementSibling.value = input.value;
      const unit = this.part("[name=unit]").valueAsNumber;
      const at = this.part("[name=step]").valueAsNumber - 1;
      const now = this.steps[at];
      const missing = this.unknown.length ? WORDS.left(this.unknown.join(" ")) : "";
      if (!now) {
        this.part(".result").textContent = missing;
        for (const selector of [".course", "table"]) this.part(selector).replaceChildren();
        return;
      }
      const course = this.steps.map(({ character, c }, t) => {
        const tone = `class="${sign(c[unit - 1])}" style="--size: ${Math.abs(Math.tanh(c[unit - 1]))}"`;
        return `<span ${tone}${t === at ? " data-now" : ""}>${escaped(character)}</span>`;
      });
      this.part(".course").innerHTML = course.join("");
      this.part(".course").ariaLabel = WORDS.course(unit);
      for (const name of ROWS)
        this.querySelectorAll(`[data-row=${name}] rect`).forEach((rect, k) => {
          rect.setAttribute("class", sign(now[name][k]) + (k === unit - 1 ? " now" : ""));
          rect.setAttribute("fill-opacity", Math.min(1, Math.abs(now[name][k])).toFixed(3));
        });
      const order = [...now.p.keys()].sort((a, b) => now.p[b] - now.p[a]).slice(0, LIKELY);
      const rows = order.map((v) => {
        const bar = `<span class="bar"><span style="width: ${100 * now.p[v]}%"></span></span>`;
        const name = escaped(named(this.net.alphabet[v]));
        return `<tr><th scope="row">${name}</th>
          <td aria-hidden="true">${bar}</td><td>${percent(now.p[v])}</td></tr>`;
      });
      this.part("table").innerHTML = `<tbody>${rows.join("")}</tbody>`;
      const lately = this.steps.slice(Math.max(0, at - 11), at + 1);
      const end = lately.map(({ character }) => character).join("");
      const best = `${named(this.net.alphabet[order[0]])}, ${percent(now.p[order[0]])}`;
      this.part(".result").textContent = `${WORDS.said(end, best)} ${missing}`;
    }
  }

  addEventListener("DOMContentLoaded", () => customElements.define("lstm-reader", Reader));
}
