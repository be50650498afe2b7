// The console works without this file. With it, times are in the browser's zone, lists are live, and the phone answers
// without a reload.
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`autoreply_zone=${zone}`)) {
    document.cookie = `autoreply_zone=${zone}; path=/console; max-age=31536000; samesite=lax`;
    if (document.querySelector("time")) location.reload();
  }
})();

// Lists: an event says only that something has changed. Then the list is fetched again and its rows are swapped by id,
// so that focus, scroll position and open details stay.
(() => {
  const list = document.querySelector("[data-live]");
  const shown = document.getElementById("live");
  if (!list || !shown || list.hasAttribute("data-still") || !window.EventSource) return;
  const THROTTLE = 2000, POLL = 30000, LATE = 10000;
  const seen = new WeakMap();
  let events = null, last = 0, timer = 0;

  const say = (words, broken) => {
    shown.hidden = false;
    shown.classList.toggle("broken", broken);
    if (shown.textContent !== words) shown.textContent = words;
  };
  const parsed = (html) => new DOMParser().parseFromString(html, "text/html").querySelector("[data-live]");
  const rows = (of) => Array.from(of.querySelectorAll("tbody > tr[id]"));

  const swap = (now, next) => {
    const old = new Map(rows(now).map((row) => [row.id, row]));
    const body = now.querySelector("tbody"), wanted = rows(next);
    if (!body || !wanted.length) { if (now.innerHTML !== next.innerHTML) now.innerHTML = next.innerHTML; return wanted.length; }
    let added = 0, place = body.firstElementChild;
    for (const row of wanted) {
      let kept = old.get(row.id);
      old.delete(row.id);
      if (!kept) { added += 1; kept = row; kept.classList.add("new"); setTimeout(() => kept.classList.remove("new"), 4000); }
      else if (seen.get(kept) !== row.outerHTML) update(kept, row);
      if (kept === place) place = place.nextElementSibling;
      else body.insertBefore(kept, place);
    }
    for (const row of old.values()) if (!row.contains(document.activeElement)) row.remove();
    return added;
  };
  const update = (kept, row) => {
    seen.set(kept, row.outerHTML);
    kept.className = row.className;
    Array.from(row.cells).forEach((cell, at) => {
      const mine = kept.cells[at];
      if (mine && mine.innerHTML !== cell.innerHTML && !mine.contains(document.activeElement)) mine.innerHTML = cell.innerHTML;
    });
  };

  const refresh = async () => {
    timer = 0;
    last = Date.now();
    try {
      const answer = await fetch(list.dataset.live, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(LATE) });
      if (answer.status === 401) { say("Logged out: reload the page", true); events?.close(); return; }
      if (!answer.ok) throw new Error(answer.status);
      const next = parsed(await answer.text());
      if (!next) throw new Error("no list");
      const before = window.scrollY, added = swap(list, next);
      if (before > 0 && window.scrollY !== before) window.scrollTo(0, before);
      if (events?.readyState === EventSource.OPEN) say(added ? `Live: ${added} new ${added === 1 ? "message" : "messages"}` : shown.textContent.startsWith("Live") ? shown.textContent : "Live", false);
    } catch (error) {
      say("Reconnecting", true);
    }
  };
  const soon = () => { if (!timer) timer = setTimeout(refresh, Math.max(0, last + THROTTLE - Date.now())); };

  const open = () => {
    events = new EventSource("/console/events");
    events.onopen = () => say("Live", false);
    events.onmessage = soon;
    events.onerror = () => say("Reconnecting", true); // the browser connects again; after a refusal only the poll goes on
  };
  const close = () => { events?.close(); events = null; };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { close(); say("Paused", false); } else { open(); }
  });
  window.addEventListener("pagehide", close); // else the browser reports an aborted connection
  window.addEventListener("pageshow", () => { if (!events && !document.hidden) open(); });
  setInterval(() => { if (!document.hidden) soon(); }, POLL);
})();

// The phone: Enter sends, Shift+Enter begins a new line; the answer comes without a reload, and the focus stays.
(() => {
  const form = document.getElementById("phone");
  if (!form) return;
  const say = document.getElementById("say");
  const PARTS = ["chat", "phone-state", "phone-fault", "phone-actions"];
  say.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("button.primary"));
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    form.setAttribute("aria-busy", "true");
    try {
      const body = new URLSearchParams(new FormData(form, event.submitter));
      const answer = await fetch(form.action.split("#")[0], { method: "POST", body });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.getElementById("chat")) { location.assign("/console/phone"); return; }
      for (const id of PARTS) document.getElementById(id).innerHTML = page.getElementById(id).innerHTML;
      if (answer.ok && !event.submitter?.name) say.value = "";
      say.focus();
      document.querySelector("#chat > li:last-child")?.scrollIntoView({ block: "nearest" });
    } catch (error) {
      document.getElementById("phone-fault").textContent = "The service does not respond. Your text is still here.";
    } finally {
      form.removeAttribute("aria-busy");
    }
  });
  document.getElementById("chat").setAttribute("aria-live", "polite");
})();
