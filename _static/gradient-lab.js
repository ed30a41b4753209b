// Fetches the gradient lab, in the folder beside this file, where a page has one.
{
  const view = new URL("lab/view.mjs", document.currentScript.src);
  addEventListener("DOMContentLoaded", () => {
    if (document.querySelector("lstm-lab")) import(view);
  });
}
