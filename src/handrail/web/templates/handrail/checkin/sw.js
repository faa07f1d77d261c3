{% load static %}// Keeps the form at hand without a connection, and sends what waits as soon as there is one. Its scope is /c/.
"use strict";
importScripts("{% static 'handrail/checkin-queue.js' %}");

const FORMS = ["{% url 'checkin' %}", "{% url 'checkin_alarm' %}"];
const SHELL = "handrail-checkin-1";
const PARTS = [
  "{% static 'handrail/handrail.css' %}",
  "{% static 'handrail/checkin.css' %}",
  "{% static 'handrail/handrail.js' %}",
  "{% static 'handrail/checkin-queue.js' %}",
  "{% static 'handrail/checkin-follow.js' %}",
  "{% static 'handrail/checkin.js' %}",
  "{% static 'handrail/checkin-alarm.js' %}",
  "{% static 'handrail/mark.svg' %}",
];
const PATIENCE = 4000;

// What is true of a check that waits is kept by no phone: the copy before it stays.
const WAITS = 'data-waits="yes"';

// The copy of the form says that it is a copy, so that it does not show an hour that may be over.
const keepForm = async (address, response) => {
  const cache = await caches.open(SHELL);
  if (response.status === 410) return Promise.all(FORMS.map((each) => cache.delete(each)));
  if (response.status !== 200 || response.redirected) return false;
  const page = await response.text();
  if (page.includes(WAITS)) return false;
  const text = page.replace('data-cached="no"', 'data-cached="yes"');
  const headers = { "Content-Type": "text/html; charset=utf-8" };
  const policy = response.headers.get("Content-Security-Policy");
  if (policy) headers["Content-Security-Policy"] = policy;
  return cache.put(address, new Response(text, { headers }));
};

const within = (promise, wait) =>
  Promise.race([promise, new Promise((_, refuse) => setTimeout(() => refuse(new Error("slow")), wait))]);

const page = async (event, address) => {
  try {
    const response = await within(fetch(event.request), PATIENCE);
    if (response.status >= 500) throw new Error("down");
    event.waitUntil(keepForm(address, response.clone()));
    return response;
  } catch (trouble) {
    const kept = await (await caches.open(SHELL)).match(address);
    if (kept) return kept;
    throw trouble;
  }
};

const part = async (event) => {
  const cache = await caches.open(SHELL);
  try {
    const response = await within(fetch(event.request), PATIENCE);
    if (response.ok) event.waitUntil(cache.put(event.request, response.clone()));
    return response;
  } catch (trouble) {
    const kept = await cache.match(event.request);
    if (kept) return kept;
    throw trouble;
  }
};

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      await (await caches.open(SHELL)).addAll(PARTS);
      // To a patient the page of the alarm is answered with a redirect, which is not kept.
      for (const each of FORMS) await keepForm(each, await fetch(each, { credentials: "same-origin" }));
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith("handrail-checkin-") && name !== SHELL) await caches.delete(name);
      }
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, search } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    // A token or a change of language is answered by a redirect: the browser follows it, and comes back here with the form.
    event.respondWith(FORMS.includes(pathname) && !search ? page(event, pathname) : fetch(request));
  } else if (PARTS.some((each) => new URL(each, origin).pathname === pathname)) {
    event.respondWith(part(event));
  }
});

self.addEventListener("sync", (event) => {
  if (event.tag === "checkins") event.waitUntil(sendWaiting());
});

const sendWaiting = async () => {
  const left = await self.handrailQueue.flush(async (outcome) => {
    const open = await self.clients.matchAll({ type: "window" });
    for (const client of open) client.postMessage(outcome);
    if (outcome.state === "sent" && !open.length) await self.handrailQueue.tellLater(outcome.id);
  });
  if (left) throw new Error("still waiting"); // the browser tries again
};
