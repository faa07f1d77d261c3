// Open SMART Health Links with programs that nobody here wrote.
//
//     node open_links.mjs < links.ndjson        in the folder where package.json is installed
//
// Each line in is {"by": "jose" or "kill-the-clipboard", "link": ..., "recipient": ..., "passcode": ..., "embeddedLengthMax": ...};
// each line out is {"document": ..., "files": ...} or {"error": ..., "remaining": ...}, in the same order. `client.py` calls this.

import readline from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const { compactDecrypt } = await import(pathToFileURL(require.resolve("jose")));
const { SHLViewer } = require("kill-the-clipboard");

const READERS = {
  async jose({ link, recipient, passcode, embeddedLengthMax }) {
    const payload = JSON.parse(Buffer.from(link.split("shlink:/")[1], "base64url").toString("utf8"));
    const answer = await fetch(payload.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ recipient, passcode, embeddedLengthMax }),
    });
    if (!answer.ok) {
      const said = await answer.json();
      return { error: `HTTP ${answer.status}`, remaining: said.remainingAttempts };
    }
    const { files } = await answer.json();
    const sealed = files[0].embedded ?? (await (await fetch(files[0].location)).text());
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, Buffer.from(payload.key, "base64url"));
    const shape = files.map((file) => ({ ...file, embedded: file.embedded && true, location: file.location && true }));
    return { document: JSON.parse(Buffer.from(plaintext).toString("utf8")), files: shape, header: protectedHeader };
  },
  async "kill-the-clipboard"({ link, recipient, passcode, embeddedLengthMax }) {
    const viewer = new SHLViewer({ shlinkURI: link });
    const { manifest, fhirResources } = await viewer.resolveSHL({ recipient, passcode, embeddedLengthMax });
    const shape = manifest.files.map((file) => ({ ...file, embedded: file.embedded && true, location: file.location && true }));
    return { document: fhirResources[0], files: shape };
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let found;
  try {
    found = await READERS[asked.by](asked);
  } catch (error) {
    found = { error: error.name };
  }
  console.log(JSON.stringify(found));
}
