"use strict";
// The viewer of a health link: reads what stands behind the #, asks for the manifest, opens the file with the key and shows what people wrote.
// It asks no server but its own. What the file holds is text of somebody else: it is built anew, element by element, and never put in as markup.
(() => {
  const find = (id) => document.getElementById(id);
  const form = find("ask"), code = find("passcode"), codeField = find("code-field"), page = find("document");
  const KEPT = "handrail-health-link";
  const LARGEST = 8 * 1024 * 1024;
  let link = null;

  class Trouble extends Error {}

  // A browser may keep nothing for a page, and says so by throwing: then a reload asks for the code again, and the packet opens all the same.
  const kept = () => { try { return sessionStorage.getItem(KEPT) ?? ""; } catch { return ""; } };
  const keep = (given) => { try { sessionStorage.setItem(KEPT, given); } catch { /* as above */ } };
  const forget = () => { try { sessionStorage.removeItem(KEPT); } catch { /* as above */ } };

  const say = (words, urgent = false) => {
    const place = find("say");
    place.textContent = words;
    place.classList.toggle("error", urgent);
  };

  // --- the link ---------------------------------------------------------------------------------------------------
  const bytes = (text) => {
    if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new Trouble("This link was not copied whole. Scan the code again, or follow the whole link.");
    return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  };
  const text = (raw) => new TextDecoder("utf-8", { fatal: true }).decode(raw);

  const read = (fragment) => {
    const written = decodeURIComponent(fragment).replace(/^#?(shlink:\/)/, "");
    let found;
    try {
      found = JSON.parse(text(bytes(written)));
    } catch {
      throw new Trouble("This link was not copied whole. Scan the code again, or follow the whole link.");
    }
    const key = typeof found?.key === "string" ? bytes(found.key) : [];
    if (typeof found?.url !== "string" || key.length !== 32) throw new Trouble("This is not a link to a packet.");
    if (!ours(found.url)) {
      throw new Trouble(`This link is of another system (${hostOf(found.url)}), and this page opens only its own. Use the page or the app that came with it.`);
    }
    return { url: found.url, key, flag: String(found.flag ?? ""), label: typeof found.label === "string" ? found.label.slice(0, 80) : "" };
  };
  const ours = (url) => { try { return new URL(url).origin === location.origin; } catch { return false; } };
  const hostOf = (url) => { try { return new URL(url).host; } catch { return "unknown"; } };

  // --- asking -----------------------------------------------------------------------------------------------------
  const HOW = { credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer", redirect: "error" };

  const ask = async (url, options) => {
    let answer;
    try {
      answer = await fetch(url, { ...HOW, ...options });
    } catch {
      throw new Trouble("The server could not be reached. Try again, and call the number meanwhile.");
    }
    if (answer.ok) return answer;
    if (answer.status === 401) {
      const left = (await answer.json().catch(() => null))?.remainingAttempts;
      if (!Number.isInteger(left)) throw Object.assign(new Trouble("That passcode did not open it. Try it once more, or call the number that stands beside the code."), { again: true });
      throw Object.assign(new Trouble(left ? `That passcode is not right. It can be tried ${left} more time${left === 1 ? "" : "s"}.` : "That passcode was not right, and it was the last try: this link opens nothing any more. Call the number that stands beside the code."), { again: left > 0 });
    }
    if (answer.status === 404) {
      forget();
      throw new Trouble("This link opens nothing: it is over, was revoked, or was not copied whole. Call the number that stands beside the code.");
    }
    if (answer.status === 429) {
      throw new Trouble(`It was asked too often. Try again in ${Number(answer.headers.get("Retry-After")) || 60} seconds.`);
    }
    throw new Trouble("The packet cannot be read now. Call the number that stands beside the code.");
  };

  const file = async (recipient, passcode) => {
    if (link.flag.includes("U")) {
      const address = new URL(link.url);
      address.searchParams.set("recipient", recipient);
      return (await ask(address.href, {})).text();
    }
    const body = { recipient, embeddedLengthMax: LARGEST, ...(passcode ? { passcode } : {}) };
    const answer = await ask(link.url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const { files } = await answer.json();
    const one = (files ?? []).find((each) => String(each.contentType).split(";")[0].trim() === "application/fhir+json");
    if (!one) throw new Trouble("This link holds no packet that this page can show.");
    if (typeof one.embedded === "string") return one.embedded;
    if (!ours(one.location)) throw new Trouble("The file of this link lies on another server, and this page asks none.");
    return (await ask(one.location, {})).text();
  };

  // --- opening ----------------------------------------------------------------------------------------------------
  const inflated = async (raw) => {
    const reader = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    const parts = [];
    for (let size = 0; ;) {
      const { done, value } = await reader.read();
      if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
      size += value.length;
      if (size > LARGEST) throw new Trouble("The file is too large to be a packet.");
      parts.push(value);
    }
  };

  const opened = async (sealed, key) => {
    const unreadable = new Trouble("The file is not one that this link opens. Scan the code again, and call the number.");
    const [head, encryptedKey, nonce, cipher, tag, ...more] = sealed.trim().split(".");
    if (tag === undefined || more.length || encryptedKey) throw unreadable;
    try {
      const header = JSON.parse(text(bytes(head)));
      if (header.alg !== "dir" || header.enc !== "A256GCM" || header.crit) throw unreadable;
      const aes = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
      const whole = new Uint8Array(await new Blob([bytes(cipher), bytes(tag)]).arrayBuffer());
      const how = { name: "AES-GCM", iv: bytes(nonce), additionalData: new TextEncoder().encode(head), tagLength: 128 };
      const plain = new Uint8Array(await crypto.subtle.decrypt(how, aes, whole));
      return JSON.parse(text(header.zip === "DEF" ? await inflated(plain) : plain));
    } catch (error) {
      throw error instanceof Trouble ? error : unreadable;
    }
  };

  // --- showing ----------------------------------------------------------------------------------------------------
  const make = (name, words = "", inside = page) => {
    const made = document.createElement(name);
    made.textContent = words;
    inside.append(made);
    return made;
  };

  const KEEP = new Set(["p", "div", "span", "b", "strong", "i", "em", "br", "hr", "ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "sup", "sub", "pre", "code", "blockquote"]);
  const DROP = new Set(["script", "style", "iframe", "frame", "object", "embed", "link", "meta", "base", "template", "form", "input", "button", "select", "textarea", "svg", "math", "video", "audio", "canvas", "noscript", "title", "head"]);

  let tables = 0;

  // Writes the words of a foreign tree into ours: known elements without their attributes, the words of others, nothing of those that act.
  const copy = (from, into, depth = 0) => {
    for (const node of from.childNodes) {
      if (node.nodeType === Node.TEXT_NODE || node.nodeType === Node.CDATA_SECTION_NODE) into.append(node.nodeValue);
      if (node.nodeType !== Node.ELEMENT_NODE || depth > 60) continue;
      const name = node.localName.toLowerCase();
      if (DROP.has(name)) continue;
      if (name === "img") into.append(node.getAttribute("alt") || "[picture]");
      else if (/^h[1-6]$/.test(name)) copy(node, make("strong", "", make("p", "", into)), depth + 1); // no place in our order
      else if (name === "table") {
        const around = Object.assign(make("div", "", into), { className: "packet-scroll", tabIndex: 0 });
        around.setAttribute("role", "region");
        around.setAttribute("aria-label", `Table ${(tables += 1)}`);
        copy(node, make("table", "", around), depth + 1);
      } else if (KEEP.has(name)) {
        const made = make(name, "", into);
        for (const span of ["colspan", "rowspan"]) if (/^[1-9][0-9]?$/.test(node.getAttribute(span) ?? "")) made.setAttribute(span, node.getAttribute(span));
        if (name === "th") made.setAttribute("scope", from.parentNode?.localName === "thead" ? "col" : "row");
        copy(node, made, depth + 1);
      } else copy(node, into, depth + 1);
    }
  };

  // A document made by the parser runs nothing and fetches nothing; it is only walked through.
  const narrative = (div, into) => {
    const parser = new DOMParser();
    let parsed = parser.parseFromString(div, "application/xhtml+xml");
    if (parsed.getElementsByTagName("parsererror").length) parsed = parser.parseFromString(div, "text/html");
    copy(parsed.body ?? parsed, into);
  };

  const section = (found, inside, level) => {
    const place = make("section", "", inside);
    place.className = "packet-section";
    make(`h${Math.min(level, 6)}`, found.title || found.code?.text || "Section", place);
    if (typeof found.text?.div === "string") narrative(found.text.div, place);
    else if (!found.section) make("p", "Nothing is written in this section. That does not mean none.", place);
    for (const inner of found.section ?? []) section(inner, place, level + 1);
  };

  const nameOf = (patient) => {
    const name = patient?.name?.[0];
    return name ? name.text || [...(name.given ?? []), name.family].filter(Boolean).join(" ") : "";
  };

  const show = (bundle) => {
    const resources = (bundle?.entry ?? []).map((each) => each?.resource).filter(Boolean);
    const composition = resources.find((each) => each.resourceType === "Composition");
    if (!composition) throw new Trouble("The file holds no summary that people can read. Call the number.");
    const patient = resources.find((each) => each.resourceType === "Patient");
    page.replaceChildren();
    tables = 0;
    const head = make("section");
    head.className = "packet-one";
    make("h2", composition.title || "Summary", head).id = "document-h";
    make("p", `${nameOf(patient) || "Name not known"}, born ${patient?.birthDate || "not known"}`, head);
    const made = Date.parse(composition.date);
    const when = Number.isNaN(made) ? `${composition.date || "at a time that is not known"}` : new Date(made).toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
    const late = make("p", "", head);
    make("strong", `As it stood ${when}. What happened since then is not in it: call before anything is decided.`, late);
    if (typeof composition.text?.div === "string") narrative(composition.text.div, head);
    for (const each of composition.section ?? []) section(each, page, 3);
    page.hidden = false;
  };

  // --- the page ---------------------------------------------------------------------------------------------------
  const start = () => {
    const given = location.hash.length > 1 ? location.hash : kept();
    if (!given) return;
    // The key stays in this tab: not in the history, and not in an address that is copied.
    if (location.hash) history.replaceState(null, "", location.pathname);
    page.hidden = true;
    page.replaceChildren();
    form.hidden = true;
    try {
      if (!crypto.subtle) throw new Trouble("This page opens a packet only over https.");
      link = read(given);
    } catch (error) {
      forget();
      say(error instanceof Trouble ? error.message : "This link was not copied whole. Scan the code again, or follow the whole link.", true);
      return;
    }
    keep(given);
    find("label").textContent = link.label;
    find("label").hidden = !link.label;
    codeField.hidden = !link.flag.includes("P");
    code.required = !codeField.hidden;
    form.hidden = false;
    say(codeField.hidden ? "The packet is ready to be opened." : "It opens with a passcode, which you were told another way than the link.");
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    code.removeAttribute("aria-invalid");
    say("Opening…");
    try {
      const recipient = find("who").value.trim() || "Handrail's viewer, no name given";
      show(await opened(await file(recipient, code.value.trim()), link.key));
      code.value = "";
      form.hidden = true;
      say("Opened. The care team can see it.");
      page.focus();
    } catch (error) {
      say(error instanceof Trouble ? error.message : "The packet could not be shown. Call the number.", true);
      if (error.again) {
        code.setAttribute("aria-invalid", "true");
        code.select();
        code.focus();
      }
    } finally {
      button.disabled = false;
    }
  });
  addEventListener("hashchange", start);
  start();
})();
