// Repairs of what sphinx-book-theme 1.2.0, Sphinx 7.4 and myst-nb 1.4.0 leave to be done for people
// who use a keyboard or a screen reader. Each block says what it mends.

function repairNames() {
  // The name that is read out must begin with the words that are seen.
  document.querySelectorAll(".search-button-field, .cell details > summary").forEach((element) => {
    const text = element.textContent.trim().replace(/\s+/g, " ");
    if (text) element.setAttribute("aria-label", text);
  });
  // What folds the deeper pages of a chapter in the book's contents is a bare arrow.
  document.querySelectorAll(".bd-links summary").forEach((arrow) => {
    const chapter = arrow.closest("li").querySelector("a").textContent.trim();
    arrow.setAttribute("aria-label", `Pages below ${chapter}`);
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

// Sphinx puts the list of a folder's modules beside the item that it belongs to.
function repairLists() {
  document
    .querySelectorAll("main ul > ul")
    .forEach((list) => list.previousElementSibling?.append(list));
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

// What is wider than the page scrolls in its own box. The theme and MathJax let the keyboard reach
// it; the name says what has been reached.
const BOXES = {
  "main pre": "Code",
  ".pst-scrollable-table-container": "Table",
  ':is(.cell_output, figure):has(> img[src$=".svg"])': "Drawing",
};

function nameIfWider(box, name) {
  if (box.scrollWidth > box.clientWidth) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `${name}, scrolls sideways`);
  } else {
    ["tabindex", "role", "aria-label"].forEach((attribute) => box.removeAttribute(attribute));
  }
}

function nameScrollingBoxes() {
  for (const [selector, name] of Object.entries(BOXES)) {
    document.querySelectorAll(selector).forEach((box) => {
      new ResizeObserver(() => nameIfWider(box, name)).observe(box);
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

// An anchor of the first edition may stand on another page now.
function followMovedAnchor() {
  const map = document.getElementById("moved-anchors");
  const anchor = decodeURIComponent(location.hash.slice(1));
  const address = map && !document.getElementById(anchor) && JSON.parse(map.textContent)[anchor];
  if (address) location.replace(address);
}

addEventListener("hashchange", followMovedAnchor);
addEventListener("DOMContentLoaded", () => {
  followMovedAnchor();
  repairNames();
  repairRoles();
  repairLists();
  repairFocus();
  repairSearch();
  nameScrollingBoxes();
});
