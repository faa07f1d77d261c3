// A caregiver's alarm on a phone: kept until the server has said that it has it, and never called sent before.
// Without this file the form is sent as a plain form.
(() => {
  "use strict";
  const form = document.getElementById("alarm");
  const queue = self.handrailQueue;
  if (!form || !queue || !self.indexedDB) return;
  const element = (id) => document.getElementById(id);
  const field = (name) => form.elements[name];
  const ticked = () => [...form.querySelectorAll('[name="symptoms"]:checked')];
  const show = (id, on = true) => {
    element(id).hidden = !on;
  };

  const alarm = () => ({
    id: field("id").value,
    for: field("for").value,
    alarm: true,
    temperature: field("temperature").value.trim(),
    unit: form.querySelector('[name="unit"]:checked')?.value || "",
    symptoms: ticked().map((box) => box.value),
    sure: true,
  });

  const tell = ({ id, state, message }) => {
    if (state === "sent") location.assign(form.dataset.sent.replace(form.dataset.id, id));
    if (["refused", "over", "later"].includes(state)) {
      show("waiting", false);
      element("refused-why").textContent = message;
      show("refused");
      element("refused").focus();
    }
  };

  const SLOW = 3000; // no answer for so long: the page says that nothing is sent yet, and whom to call
  let timer = 0;
  let pause = 2000;
  const trySending = async () => {
    clearTimeout(timer);
    let left = 1;
    try {
      left = await queue.flush(tell);
    } catch {
      left = 1;
    }
    if (!left) return;
    if (element("refused").hidden) show("waiting");
    timer = setTimeout(trySending, pause);
    pause = Math.min(pause * 2, 30000);
  };

  let busy = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    const first = ticked()[0]?.dataset.first || ""; // the most urgent sign comes first
    const kept = async () => {
      form.hidden = true;
      show("refused", false);
      element("waiting-first").textContent = first;
      show("waiting-first", Boolean(first));
      if (!navigator.onLine) {
        show("waiting");
        element("waiting").focus();
      }
      pause = 2000;
      const slow = setTimeout(() => element("refused").hidden && show("waiting"), SLOW);
      await trySending();
      clearTimeout(slow);
      const worker = await navigator.serviceWorker?.getRegistration("/c/");
      worker?.sync?.register("checkins").catch(() => {});
    };
    const body = alarm();
    queue.keep({ id: body.id, written: Date.now(), body }).then(kept, () => form.submit()); // no room: the plain form
  });

  addEventListener("online", trySending);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") trySending();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload(); // a form from the browser's memory would carry an id that was used
  });
  navigator.serviceWorker?.addEventListener("message", ({ data }) => tell(data));
  navigator.serviceWorker?.register("/c/sw.js", { scope: "/c/" }).catch(() => {});

  // A copy of the page that a phone kept holds an id that may have been used: each opening has its own.
  form.dataset.id = field("id").value;
  if (crypto.randomUUID) field("id").value = crypto.randomUUID();
  if (document.documentElement.dataset.cached === "yes")
    for (const each of document.querySelectorAll("[data-fresh]")) each.hidden = true;
  queue.untold(tell).catch(() => {});
  trySending();
})();
