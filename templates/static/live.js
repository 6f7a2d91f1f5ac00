// Keeps the part of a page that is marked with data-live="SECONDS" as the server would show it now.
// Without this script the page says how to look again.
(() => {
  "use strict";
  // What this page asks for is this page again: only that is ever read as HTML.
  const own = window.trustedTypes?.createPolicy("own-page", { createHTML: (html) => html });
  const look = async () => {
    const here = document.querySelector("[data-live]");
    if (!here || document.hidden) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) return;
      const text = await answer.text();
      const page = new DOMParser().parseFromString(own ? own.createHTML(text) : text, "text/html");
      const there = page.getElementById(here.id);
      // Somebody who stands on a link in it is not thrown out.
      if (there && !here.contains(document.activeElement)) here.replaceWith(there);
    } catch {
      // The next look may find the server again.
    }
  };
  const first = document.querySelector("[data-live]");
  if (first) setInterval(look, Number(first.dataset.live) * 1000);
})();
