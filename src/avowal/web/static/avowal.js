// What a page does without this it does by links and forms; this only makes it quicker.
"use strict";

// The way back: a slider, and steps without loading the page again.
for (const undo of document.querySelectorAll("[data-undo]")) {
  const rows = [...undo.querySelectorAll("[data-first]")];
  const links = [...undo.querySelectorAll("[data-to]")];
  const slider = undo.querySelector("[data-slider]");
  const range = slider.querySelector("input");
  const shown = slider.querySelector("output");
  const show = (step) => {
    for (const row of rows) row.hidden = step < +row.dataset.first || step > +row.dataset.end;
    for (const link of links) {
      if (+link.dataset.to === step) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    }
    range.value = step;
    shown.textContent = step;
  };
  slider.hidden = false;
  range.addEventListener("input", () => show(+range.value));
  for (const link of links) {
    link.addEventListener("click", (event) => { event.preventDefault(); show(+link.dataset.to); });
  }
}

// A file that is dropped anywhere on the front page, or chosen, is sent at once.
const give = document.querySelector("[data-give]");
if (give) {
  const input = give.querySelector("input[type=file]");
  const drop = give.querySelector("[data-drop]");
  give.querySelector("[data-drop-hint]").hidden = false;
  const send = () => { give.classList.add("busy"); give.requestSubmit(); };
  input.addEventListener("change", () => { if (input.files.length) send(); });
  const over = (on) => (event) => { event.preventDefault(); drop.classList.toggle("over", on); };
  document.addEventListener("dragover", over(true));
  document.addEventListener("dragleave", over(false));
  document.addEventListener("drop", (event) => {
    over(false)(event);
    const files = event.dataTransfer.files;
    if (files.length) { input.files = files; send(); }
  });
  addEventListener("pageshow", () => { give.classList.remove("busy"); });
}
