// Tells the server that somebody is there: a key, a finger or a mouse was used on this page.
// Nothing here is needed to answer; without it the server asks once more.
"use strict";
(() => {
  const forms = () => document.querySelectorAll("form[method=post]");
  const touched = (event) => {
    if (!event.isTrusted) return;
    for (const form of forms()) {
      const { page, proof } = form.elements;
      if (page && proof) proof.value = [...page.value].reverse().join("");
    }
  };
  for (const kind of ["pointerdown", "touchstart", "keydown", "click"]) {
    addEventListener(kind, touched, { capture: true, passive: true });
  }
  // A second click on the same button sends nothing.
  addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "1";
  });
  addEventListener("pageshow", () => forms().forEach((form) => delete form.dataset.sent));
})();
