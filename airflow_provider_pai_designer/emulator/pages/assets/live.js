// A page that something goes on in asks for itself again, and takes over the parts that differ. It stops at the end.
"use strict";

(() => {
  const REST = 1000;
  const body = document.body;

  const take = (part, fresh) => {
    if (part.isEqualNode(fresh)) return;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const atEnd = part.scrollHeight - part.scrollTop - part.clientHeight < 8;
    const place = part.querySelector(".wide")?.scrollLeft ?? 0;
    part.replaceChildren(...fresh.childNodes);
    const wide = part.querySelector(".wide");
    if (wide) wide.scrollLeft = place;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    if (atEnd && part.classList.contains("log")) part.scrollTop = part.scrollHeight;
  };

  const ask = async () => {
    const reply = await fetch(location.href);
    if (!reply.ok) return;
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      if (other) take(part, document.adoptNode(other));
    }
    body.toggleAttribute("data-live", fresh.body.hasAttribute("data-live"));
  };

  const again = async () => {
    if (!body.hasAttribute("data-live")) return;
    // what nobody looks at need not be asked for; and an emulator that is away comes back
    if (!document.hidden) await ask().catch(() => undefined);
    setTimeout(again, REST);
  };

  const log = document.querySelector(".log");
  if (log) log.scrollTop = log.scrollHeight;
  setTimeout(again, REST);
})();
