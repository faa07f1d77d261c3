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
    for (const form of document.querySelectorAll("form[data-draft]")) keepDraft(form);
  });
  document.addEventListener("htmx:afterSwap", tick);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = event.target.closest?.("details.why[open]") || document.querySelector("details.why[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });

  // What was typed stays on this device until it is saved, for a few hours at the most.
  const keepDraft = (form) => {
    const key = `handrail-draft:${form.dataset.draft}`;
    const fields = () => [...form.elements].filter((f) => f.name && !["hidden", "password", "submit"].includes(f.type));
    try {
      const draft = JSON.parse(sessionStorage.getItem(key) || "null");
      if (draft && !form.dataset.bound) {
        for (const field of fields()) {
          const value = draft[field.name];
          if (value === undefined) continue;
          if (field.type === "radio" || field.type === "checkbox") field.checked = value.includes(field.value);
          else field.value = value[0] ?? "";
        }
      }
    } catch {
      sessionStorage.removeItem(key);
    }
    form.addEventListener("input", () => {
      const draft = {};
      for (const field of fields()) {
        const ticked = field.type !== "radio" && field.type !== "checkbox" ? true : field.checked;
        if (ticked) (draft[field.name] ||= []).push(field.value);
      }
      sessionStorage.setItem(key, JSON.stringify(draft));
    });
    form.addEventListener("submit", () => sessionStorage.removeItem(key));
  };
})();
