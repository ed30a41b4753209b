"""What axe-core finds wrong with a page.

Nearly all of axe's time goes into the contrast of text, and most of the text elements of a page
are tokens of code: 2,000 of 2,400 in a long chapter, in 200 different looks. Two shortcuts follow;
WHOLE_PAGES=1 takes neither.

* In a block of code, contrast is measured once for every look. A look is all that decides about
  contrast: see LOOK below.
* When a page has the same elements and shows the same of them as a moment ago, and only its
  colours are others, only the rules about colours are run again.
"""

import os

from axe_playwright_python.base import AXE_SCRIPT

WHOLE = bool(os.environ.get("WHOLE_PAGES"))

RUN = r"""async ([part, whole]) => {
  // What decides about the contrast of a token, with the same of all that it stands in, up to its
  // block. Axe judges neither a single character nor most punctuation: these stand for the same
  // text alone. What a block that scrolls does not show stands for more of it.
  const LOOK = ["color", "backgroundColor", "backgroundImage", "opacity", "fontSize", "fontWeight",
    "textShadow", "webkitTextStrokeWidth", "webkitTextStrokeColor", "display", "visibility",
    "position", "zIndex", "filter", "mixBlendMode", "clipPath"];
  const markTwins = (block) => {
    const looks = new Map([[block, ""]]), seen = new Set();
    const edge = block.getBoundingClientRect().right;
    for (const token of block.querySelectorAll("*")) {
      const style = getComputedStyle(token);
      const look = looks.get(token.parentElement) + LOOK.map((name) => style[name]).join();
      looks.set(token, look + "/");
      const text = token.textContent.trim();
      const kind = [look, text.length > 1 && /[\p{L}\p{N}]/u.test(text) ? "" : text,
        token.getBoundingClientRect().right > edge].join();
      token.toggleAttribute("data-twin", seen.has(kind));
      seen.add(kind);
    }
  };
  const shown = [...document.querySelectorAll("*")].filter((element) =>
    element.checkVisibility({visibilityProperty: true}));
  const now = {shown, values: [part, innerWidth, innerHeight, document.body.innerHTML]};
  const last = window.lastAxe;
  const onlyColours = last && now.values.every((value, i) => value === last.values[i])
    && shown.length === last.shown.length && shown.every((element, i) => element === last.shown[i]);
  window.lastAxe = now;
  // Without the style sheets that axe asks for by itself, in wrong places; no rule here needs them.
  const options = {resultTypes: ["violations"], preload: {assets: ["media"]}};
  if (!whole) {
    document.querySelectorAll("pre").forEach(markTwins);
    axe.configure({rules: [{id: "color-contrast", selector: "*:not([data-twin])"}]});
    if (onlyColours) options.runOnly = ["color-contrast", "link-in-text-block"];
  }
  const {violations} = await axe.run(part ?? document, options);
  document.querySelectorAll("[data-twin]").forEach((e) => e.removeAttribute("data-twin"));
  return violations.flatMap(({id, help, nodes}) =>
    nodes.map(({html}) => `${id}: ${help}: ${html.slice(0, 200)}`));
}"""


def violations(tab, theme, part=None, whole=WHOLE):
    """Return what axe-core finds wrong with the page, or a part of it, in a theme."""
    tab.emulate_media(color_scheme=theme)
    tab.wait_for_function("(t) => document.documentElement.dataset.theme === t", arg=theme)
    if not tab.evaluate("() => 'axe' in window"):
        tab.evaluate(AXE_SCRIPT)
    return tab.evaluate(RUN, [part, whole])
