// What waits on this phone: kept in IndexedDB until the server has said what became of it, and not a moment longer.
// Used by the page and by its service worker.
(() => {
  "use strict";
  const STORE = "waiting";
  const UNTOLD = "untold"; // ids alone of checks that were sent while no page was open: nothing readable

  const open = () =>
    new Promise((done, fail) => {
      const asked = indexedDB.open("handrail-checkin", 1);
      asked.onupgradeneeded = () => {
        for (const name of [STORE, UNTOLD]) asked.result.createObjectStore(name, { keyPath: "id" });
      };
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => fail(asked.error);
      asked.onblocked = () => fail(new Error("blocked"));
    });

  const act = async (mode, work, name = STORE) => {
    const database = await open();
    try {
      return await new Promise((done, fail) => {
        const turn = database.transaction(name, mode);
        const asked = work(turn.objectStore(name));
        turn.oncomplete = () => done(asked.result);
        turn.onerror = turn.onabort = () => fail(turn.error);
      });
    } finally {
      database.close();
    }
  };

  const all = async () => (await act("readonly", (store) => store.getAll())).sort((a, b) => a.written - b.written);
  const keep = (item) => act("readwrite", (store) => store.put(item));
  const drop = (id) => act("readwrite", (store) => store.delete(id));

  const tellLater = (id) => act("readwrite", (store) => store.put({ id }), UNTOLD);

  // What became of the checks that were sent while no page was open, asked of the server.
  const untold = async (tell) => {
    for (const { id } of await act("readonly", (store) => store.getAll(), UNTOLD)) {
      const response = await fetch(`/api/checkins?id=${id}`, { credentials: "same-origin", cache: "no-store" });
      if (response.ok) await tell({ id, state: "sent", body: await response.json() });
      if (response.status < 500) await act("readwrite", (store) => store.delete(id), UNTOLD);
    }
  };

  // One check to the server. `state` is sent, refused (it will never be taken), over (the link is), later (too many came),
  // or waiting.
  const send = async (item) => {
    let response;
    try {
      response = await fetch("/api/checkins", {
        method: "POST",
        credentials: "same-origin",
        cache: "no-store",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...item.body, waited_seconds: Math.max(0, (Date.now() - item.written) / 1000) }),
        signal: AbortSignal.timeout(20000),
      });
    } catch {
      return { id: item.id, state: "waiting" };
    }
    let body = null;
    try {
      body = await response.json();
    } catch {
      body = null;
    }
    if (response.ok && body?.id === item.id) return { id: item.id, state: "sent", body };
    const message = body?.error?.message || "";
    if (response.status === 401) return { id: item.id, state: "over", message };
    if (body?.error && response.status === 429) return { id: item.id, state: "later", message };
    if (body?.error && response.status >= 400 && response.status < 500 && response.status !== 429) {
      return { id: item.id, state: "refused", message };
    }
    return { id: item.id, state: "waiting" };
  };

  // Sends everything that waits, oldest first, and tells each outcome; returns how many still wait.
  // What was not taken is told last: a later check that was must not cover it.
  const flushNow = async (tell) => {
    const outcomes = [];
    for (const item of await all()) {
      const outcome = await send(item);
      if (outcome.state === "sent" || outcome.state === "refused") await drop(item.id);
      if (outcome.state === "sent") await tell(outcome);
      else outcomes.push(outcome);
    }
    for (const outcome of outcomes) await tell(outcome);
    return outcomes.filter((each) => each.state !== "refused").length;
  };

  const flush = (tell) =>
    navigator.locks ? navigator.locks.request("handrail-checkin", () => flushNow(tell)) : flushNow(tell);

  self.handrailQueue = { all, keep, flush, tellLater, untold };
})();
