// The check-in on a phone: asks once more where an answer is doubtful, keeps a check that cannot be sent, and says the truth.
// Without this file the form is sent as a plain form.
(() => {
  "use strict";
  const form = document.getElementById("check");
  const queue = self.handrailQueue;
  if (!form || !queue || !self.handrailFollow || !self.indexedDB) return;
  const element = (id) => document.getElementById(id);
  const root = document.documentElement;
  const field = (name) => form.elements[name];
  const chosen = (name) => form.querySelector(`[name="${name}"]:checked`)?.value || "";
  const ticked = () => [...form.querySelectorAll('[name="symptoms"]:checked')];
  const NEURO = ["year", "month", "city", "sentence"];
  const VITALS = ["systolic_mmhg", "pulse_per_min", "spo2_percent"];

  const newId = () => {
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  };

  // --- what was answered ---------------------------------------------------------------------------------------------
  const YES_NO = { yes: true, no: false };
  const answers = () => {
    const body = {
      id: field("id").value,
      for: field("for").value,
      temperature: field("temperature").value.trim(),
      unit: chosen("unit"),
      antipyretic: chosen("antipyretic"),
      symptoms: ticked().map((box) => box.value),
      none_of_these: field("none_of_these").checked,
      home_neuro: {},
      judged_by: chosen("judged_by"),
      caregiver_present: YES_NO[chosen("caregiver_present")] ?? null,
      medicine_pack_at_hand: YES_NO[chosen("medicine_pack_at_hand")] ?? null,
      sure: true,
    };
    for (const item of NEURO) {
      const answer = chosen(`neuro_${item}`);
      if (answer) body.home_neuro[item] = answer;
    }
    for (const name of VITALS) {
      const text = field(name).value.trim();
      if (/^\d{1,4}$/.test(text)) body[name] = Number(text);
    }
    return body;
  };

  const number = (text) => (/^\d{1,4}([.,]\d{1,2})?$/.test(text) ? Number(text.replace(",", ".")) : null);
  const celsiusOf = (fahrenheit) => ((fahrenheit - 32) * 5) / 9;
  const { low, high, fever } = form.dataset;
  const plausible = (celsius) => low === undefined || (celsius >= Number(low) && celsius <= Number(high));

  const temperatureDoubt = ({ temperature, unit }) => {
    if (!temperature) return "temperature.missing";
    const value = number(temperature);
    if (value === null || !unit) return "temperature.unreadable";
    if (plausible(unit === "C" ? value : celsiusOf(value))) return "";
    if (unit === "F" && plausible(value)) return "temperature.looks_celsius";
    if (unit === "C" && plausible(celsiusOf(value))) return "temperature.looks_fahrenheit";
    return "temperature.implausible";
  };

  const doubts = (body) => {
    if (form.querySelector("[data-at-once]:checked")) return [];
    const found = [temperatureDoubt(body)];
    if (!body.antipyretic) found.push("antipyretic.missing");
    if (body.symptoms.length && body.none_of_these) found.push("symptoms.contradiction");
    if (!body.symptoms.length && !body.none_of_these) found.push("symptoms.missing");
    if (body.caregiver_present === null) found.push("caregiver_present.missing");
    if (NEURO.some((item) => !(item in body.home_neuro))) found.push("home_neuro.missing");
    for (const name of VITALS) {
      const { low: least, high: most } = field(name).dataset;
      const text = field(name).value.trim();
      const outside = text && (!(name in body) || body[name] < Number(least) || body[name] > Number(most));
      if (outside) found.push("vitals.implausible");
    }
    return found.filter(Boolean);
  };

  const feverWords = (body) => {
    const value = number(body.temperature);
    if (value === null) return "";
    const hot = [value, celsiusOf(value)].some((celsius) => plausible(celsius) && celsius >= Number(fever));
    return hot ? form.dataset.feverWords : "";
  };
  // The order of the boxes is that of the policy: the most urgent sign comes first.
  const firstWords = (body) => ticked().find((box) => box.dataset.first)?.dataset.first || feverWords(body);

  // --- what the person sees ------------------------------------------------------------------------------------------
  const show = (id, on = true) => {
    element(id).hidden = !on;
  };
  const ask = (found) => {
    for (const each of form.querySelectorAll("[data-ask]")) each.hidden = !found.includes(each.dataset.ask);
    const words = firstWords(answers());
    const line = element("call-first");
    line.querySelector("b").textContent = words;
    line.hidden = !words;
    show("ask", found.length > 0);
    if (!found.length) return;
    form.querySelector('[data-ask="vitals.implausible"]').closest("details").open ||= found.includes("vitals.implausible");
    element("ask").focus();
    element("ask").scrollIntoView({ block: "start" });
  };

  const sent = (receipt) => {
    self.handrailFollow.show(receipt);
    for (const id of ["waiting", "refused"]) show(id, false);
    show("sent-another");
    show("sent");
    element("sent").focus();
    element("sent").scrollIntoView({ block: "start" });
  };

  const waiting = (words) => {
    element("waiting-first").textContent = words;
    show("waiting-first", Boolean(words));
    show("waiting");
  };

  const tell = (outcome) => {
    if (outcome.state === "sent") sent(outcome.body);
    if (["refused", "over", "later"].includes(outcome.state)) {
      show("waiting", false);
      element("refused-why").textContent = outcome.message;
      show("refused");
      element("refused").focus();
    }
    if (outcome.state === "waiting" && element("waiting").hidden) waiting("");
  };

  // --- sending -------------------------------------------------------------------------------------------------------
  const SLOW = 3000; // no answer for so long: the page says that nothing is sent yet, and whom to call
  let timer = 0;
  let pause = 5000;
  const trySending = async () => {
    clearTimeout(timer);
    let left = 0;
    try {
      left = await queue.flush(tell);
    } catch {
      left = 1;
    }
    if (!left) {
      show("waiting", false);
      pause = 5000;
      return;
    }
    timer = setTimeout(trySending, pause);
    pause = Math.min(pause * 2, 60000);
  };
  const again = () => {
    pause = 5000;
    trySending();
  };

  let busy = false;
  form.addEventListener("submit", (event) => {
    const body = answers();
    const anyway = event.submitter?.name === "anyway";
    const found = anyway ? [] : doubts(body);
    event.preventDefault();
    if (busy) return;
    ask(found);
    if (found.length) return;
    busy = true;
    const words = firstWords(body);
    const kept = async () => {
      form.reset();
      form.hidden = true;
      for (const id of ["intro", "first"]) show(id, false);
      field("id").value = newId();
      for (const id of ["sent", "refused"]) show(id, false);
      if (!navigator.onLine) waiting(words);
      const slow = setTimeout(() => element("refused").hidden && waiting(words), SLOW);
      await trySending();
      clearTimeout(slow);
      if (element("sent").hidden && element("refused").hidden) {
        waiting(words);
        element("waiting").focus();
      }
      const worker = await navigator.serviceWorker?.getRegistration("/c/");
      worker?.sync?.register("checkins").catch(() => {});
    };
    queue
      .keep({ id: body.id, written: Date.now(), body })
      .then(kept, () => form.submit()) // no room on this phone: send the plain form
      .finally(() => {
        busy = false;
      });
  });

  // While it is typed, and not when the field is left: what appears then would catch the tap meant for something else.
  form.addEventListener("input", () => {
    const words = firstWords(answers());
    element("first").querySelector("b").textContent = words;
    show("first", Boolean(words));
  });

  addEventListener("online", again);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") again();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload(); // a form from the browser's memory would carry an id that was used
  });
  navigator.serviceWorker?.addEventListener("message", ({ data }) => tell(data));
  navigator.serviceWorker?.register("/c/sw.js", { scope: "/c/" }).catch(() => {});

  field("id").value = newId();
  if (root.dataset.cached === "yes") for (const each of document.querySelectorAll("[data-fresh]")) each.hidden = true;
  queue.untold(tell).catch(() => {});
  trySending();
})();
