// Prints, for every `.automerge` file of a directory, what Automerge's JavaScript implementation
// reads in it: values as JSON, and heads.
//
//     node check.mjs DIRECTORY

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as Automerge from "@automerge/automerge";

/** Scalar strings are wrapped where JavaScript's own strings would be collaborative texts. */
function plain(value) {
  if (Automerge.isImmutableString(value)) return value.toString();
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}

const directory = process.argv[2];
const found = {};
for (const file of readdirSync(directory).filter((name) => name.endsWith(".automerge"))) {
  const document = Automerge.load(new Uint8Array(readFileSync(join(directory, file))));
  found[file] = {
    values: plain(document),
    heads: Automerge.getHeads(document),
    changes: Automerge.getAllChanges(document).length,
  };
}
process.stdout.write(JSON.stringify(found));
