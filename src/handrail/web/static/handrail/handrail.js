// Small helps for pages that work without them: hours that go on counting, the theme, Esc, and drafts that survive a log-off.
(() => {
  "use strict";
  const root = document.documentElement;
  const stored = localStorage.getItem("handrail-theme");
  const dark = stored ? stored === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.bsTheme = dark ? "dark" : "light";

  const words = (ms) => {
    const minutes = Math.max(0, Math.floor(ms / 60000));
    if (minutes < 1) return "under 1 min";
    if (minutes < 60) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    if (hours < 72) return hours < 10 && minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
    return `${Math.floor(hours / 24)} days`;
  };
  const now = () => {
    const { now: at, speed, loaded } = root.dataset;
    if (!at) return Date.now();
    return Date.parse(at) + (Date.now() - Number(loaded)) * Number(speed || 1);
  };
  root.dataset.loaded = String(Date.now());

  const tick = () => {
    for (const element of document.querySelectorAll("time[data-since]")) {
      element.textContent = words(now() - Date.parse(element.dateTime));
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    tick();
    setInterval(tick, 5000);
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.addEventListener("click", () => {
        const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
        root.dataset.bsTheme = next;
        localStorage.setItem("handrail-theme", next);
      });
    }
    tidyDrafts();
    for (const form of document.querySelectorAll("form[data-draft]")) keepDraft(form);
  });
  document.addEventListener("htmx:afterSwap", tick);
  // A link to a folded part opens it: one tap less.
  document.addEventListener("click", (event) => {
    const folded = document.getElementById(event.target.closest?.('a[href^="#"]')?.hash.slice(1) || "");
    if (folded?.tagName === "DETAILS") folded.open = true;
  });
  // Lists that ask again: the browser keeps no copy of them, so the tag of what is shown is kept here.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (detail.elt.dataset.tag) detail.headers["If-None-Match"] = detail.elt.dataset.tag;
    // Nobody is told by a list that nobody sees: one behind another tab does not count as open.
    if (document.visibilityState === "hidden") detail.headers["X-Handrail-Hidden"] = "1";
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.xhr.status === 304) detail.shouldSwap = false;
    else detail.target.dataset.tag = detail.xhr.getResponseHeader("ETag") || "";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = event.target.closest?.("details.why[open]") || document.querySelector("details.why[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });

  // What was typed stays in this tab until it is saved, for a few hours at the most, and for the person who typed it. Sending is
  // not saving: a session that stood idle is asked to sign in first, and what was typed is there again after that.
  const DRAFT = "handrail-draft:";
  const SENT = "handrail-draft-sent";
  const owner = () => document.body.dataset.user || "";
  const drafts = () => Object.keys(sessionStorage).filter((key) => key.startsWith(DRAFT));
  const read = (key) => {
    try {
      return JSON.parse(sessionStorage.getItem(key) || "null");
    } catch {
      return null;
    }
  };

  const tidyDrafts = () => {
    const saved = document.querySelector("[data-saved]");
    if (saved && sessionStorage.getItem(SENT)) sessionStorage.removeItem(sessionStorage.getItem(SENT));
    if (saved) sessionStorage.removeItem(SENT);
    for (const key of drafts()) {
      const strange = owner() && !key.startsWith(`${DRAFT}${owner()}:`);
      if (strange || !(read(key)?.until > Date.now())) sessionStorage.removeItem(key);
    }
  };

  const keepDraft = (form) => {
    const key = `${DRAFT}${owner()}:${form.dataset.draft}`;
    const lasts = Number(form.dataset.draftMinutes || 240) * 60000;
    const fields = () => [...form.elements].filter((f) => f.name && !["hidden", "password", "submit"].includes(f.type));
    const batch = form.elements.batch;
    const draft = form.dataset.bound ? null : read(key);
    if (draft) {
      for (const field of fields()) {
        const value = draft.typed[field.name];
        if (value === undefined) continue;
        if (field.type === "radio" || field.type === "checkbox") field.checked = value.includes(field.value);
        else field.value = value[0] ?? "";
      }
      if (batch && draft.sent) batch.value = draft.sent; // nobody knows whether it arrived: the same again is harmless
    }
    const keep = (sent) => {
      const typed = {};
      for (const field of fields()) {
        const ticked = field.type !== "radio" && field.type !== "checkbox" ? true : field.checked;
        if (ticked) (typed[field.name] ||= []).push(field.value);
      }
      sessionStorage.setItem(key, JSON.stringify({ typed, sent, until: Date.now() + lasts }));
    };
    form.addEventListener("input", () => keep(read(key)?.sent));
    form.addEventListener("submit", () => {
      keep(batch?.value);
      sessionStorage.setItem(SENT, key);
    });
    form.addEventListener("reset", () => [key, SENT].forEach((each) => sessionStorage.removeItem(each)));
  };
})();
