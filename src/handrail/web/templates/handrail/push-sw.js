"use strict";
// Shows a push message and opens its link. It keeps nothing and asks the server for nothing.
self.addEventListener("push", (event) => {
  let said = {};
  try { said = event.data.json(); } catch { said = {}; }
  const shown = self.registration.showNotification(said.title || "Handrail", {
    body: said.text || "A page waits. Sign in and look.",
    data: { link: said.link || "/pages/" },
    requireInteraction: true,
    tag: said.text || "handrail",
  });
  event.waitUntil(shown);
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data.link));
});
