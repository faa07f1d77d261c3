// After sending: what is shown is asked for again while something urgent is open, and says so when it cannot be asked.
// Without this file the page of a plain form loads itself again.
(() => {
  "use strict";
  const PATIENCE = 10000;
  const element = (id) => document.getElementById(id);
  let timer = 0;
  let followed = "";
  let pause = 15000;

  // Only what is new is written: a reader's voice says what changed, and nothing is moved under a finger.
  const put = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };

  const list = (node, texts) => {
    if ([...node.children].map((line) => line.textContent).join("\n") === texts.join("\n")) return;
    node.replaceChildren(...texts.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
  };

  // The longest run of digits, as `checkin/words.dialled` finds it: an extension dialled along would make another number.
  const dialled = (number) =>
    (number.match(/[\d+][^A-Za-z#,;]*/g) ?? [])
      .map((run) => run.replace(/[^\d+]/g, ""))
      .reduce((best, run) => (run.length > best.length ? run : best), "");

  const show = ({ id, truth, instructions, call, next_check: next, tone, take, doors, ask_again_after: seconds }) => {
    element("sent").className = `care ${tone}`;
    put(element("sent-truth"), truth);
    list(element("sent-what"), instructions);
    list(element("sent-doors").querySelector("ul"), doors);
    element("sent-doors").hidden = !doors.length;
    const took = element("sent-took");
    if (took) {
      took.elements.authorisation.value = take?.authorisation || "";
      took.elements.check.value = id;
      put(took.querySelector("button"), take?.taken || "");
      took.hidden = !take;
    }
    const link = element("sent-call").querySelector("a");
    put(link, call);
    link.href = `tel:${dialled(call)}`;
    element("sent-call").hidden = !call;
    put(element("sent-next").querySelector("b"), next);
    element("sent-next").hidden = !next;
    element("sent-stale").hidden = true;
    follow(id, seconds);
  };

  const ask = async () => {
    clearTimeout(timer);
    const id = followed;
    if (!id) return;
    timer = setTimeout(ask, pause);
    const given = new AbortController();
    const over = setTimeout(() => given.abort(), PATIENCE);
    try {
      const headers = { "X-Handrail-Background": "yes" };
      const address = `/api/checkins?id=${encodeURIComponent(id)}`;
      const response = await fetch(address, { headers, cache: "no-store", signal: given.signal });
      if (!response.ok) throw new Error(`${response.status}`);
      const body = await response.json();
      if (id === followed) show(body);
    } catch {
      if (id === followed) element("sent-stale").hidden = false;
    } finally {
      clearTimeout(over);
    }
  };

  // Nothing to wait for: nothing is asked any more.
  const follow = (id, seconds) => {
    clearTimeout(timer);
    followed = seconds ? id : "";
    if (!followed) return;
    pause = seconds * 1000;
    timer = setTimeout(ask, pause);
  };

  addEventListener("online", ask);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") ask();
  });

  self.handrailFollow = { show };
  const { check, askAgainAfter } = element("sent")?.dataset || {};
  if (check) follow(check, Number(askAgainAfter || 0));
})();
