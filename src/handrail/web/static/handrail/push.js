"use strict";
// "Switch on push messages here": the browser subscribes, and its subscription is sent like any other contact point.
(() => {
  const form = document.querySelector("form[data-push]");
  if (!form) return;
  const trouble = form.querySelector("[data-push-trouble]");
  const say = (words) => { trouble.textContent = words; trouble.hidden = false; };
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  form.addEventListener("submit", async (event) => {
    if (form.elements.address.value) return;
    event.preventDefault();
    if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
      say("This browser takes no push messages.");
      return;
    }
    if ((await Notification.requestPermission()) !== "granted") {
      say("The browser does not allow notifications from this page. Allow them in its settings, then try again.");
      return;
    }
    try {
      const registration = await navigator.serviceWorker.register(form.dataset.worker);
      await navigator.serviceWorker.ready.catch(() => registration);
      const options = { userVisibleOnly: true, applicationServerKey: bytes(form.dataset.push) };
      form.elements.address.value = JSON.stringify(await registration.pushManager.subscribe(options));
      form.requestSubmit();
    } catch {
      say("The browser could not subscribe. Try again, or use a phone number.");
    }
  });
})();
