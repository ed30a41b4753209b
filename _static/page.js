// Repairs of what sphinx-book-theme 1.2.0 and myst-nb 1.4.0 leave to be done for people who use
// a keyboard or a screen reader. Each block says what it mends.

function repairNames() {
  // The name that is read out must begin with the words that are seen.
  document.querySelectorAll(".search-button-field, .cell details > summary").forEach((element) => {
    const text = element.textContent.trim().replace(/\s+/g, " ");
    if (text) element.setAttribute("aria-label", text);
  });
  document.querySelectorAll(".theme-switch-button").forEach((button) => {
    const name = document.createElement("span");
    name.className = "visually-hidden";
    name.textContent = button.getAttribute("aria-label");
    button.removeAttribute("aria-label");
    button.prepend(name);
  });
}

function repairRoles() {
  // docutils writes roles for bibliographies that ARIA has since withdrawn.
  document.querySelectorAll(".citation-list, .citation").forEach((e) => e.removeAttribute("role"));
  const sidebar = document.getElementById("pst-primary-sidebar");
  sidebar?.setAttribute("role", "navigation");
  sidebar?.setAttribute("aria-label", "Book");
}

// The theme takes the focus from a button that is clicked; who pressed it with a key loses their
// place on the page. A click by key has no detail.
function repairFocus() {
  document
    .querySelectorAll(".theme-switch-button, .primary-toggle, .secondary-toggle")
    .forEach((button) =>
      button.addEventListener("click", (click) => {
        if (click.detail === 0) button.focus();
      }),
    );
}

// What may be wider than the page scrolls in its own box, and then the keyboard must reach it.
const BOXES = {
  "div.math": "Equation",
  "div.highlight > pre": "Code",
  ".pst-scrollable-table-container": "Table",
  ".cell_output > .output": "Output",
};

function reachIfWider(box, label) {
  const wider = box.scrollWidth > box.clientWidth;
  if (wider) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `${label}, scrolls sideways`);
  } else if (box.getAttribute("role") === "group") {
    ["tabindex", "role", "aria-label"].forEach((name) => box.removeAttribute(name));
  }
}

function watchBoxes() {
  for (const [selector, label] of Object.entries(BOXES)) {
    document.querySelectorAll(selector).forEach((box) => {
      const observer = new ResizeObserver(() => reachIfWider(box, label));
      observer.observe(box);
      // An equation grows when MathJax sets it, its box does not.
      if (box.firstElementChild) observer.observe(box.firstElementChild);
    });
  }
}

// Sphinx 7.4 makes a selector of an anchor without escaping it, and warns of every anchor that
// has a dot in it, as all names of the package have.
function repairSearch() {
  if (typeof Search === "undefined") return;
  const htmlToText = Search.htmlToText;
  Search.htmlToText = (html, anchor) =>
    htmlToText(html, anchor && "#" + CSS.escape(anchor.slice(1)));
}

addEventListener("DOMContentLoaded", () => {
  repairNames();
  repairRoles();
  repairFocus();
  repairSearch();
});
// Equations have their width once MathJax, which loads after this script, has set them.
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  watchBoxes();
});
