// All suites of this folder, some at a time; each has a program and a browser of its own. Prints the output of a suite
// whole when the suite ends.
//
//   node tests/browser/all.mjs [--workers N] [SUITE…]        a suite is, for example, `console`
import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ENDING = ".test.mjs";
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  // Suites wait for pages a good part of their time.
  options: { workers: { type: "string", default: String(availableParallelism() + 1) } },
});
// The longest first, by the number of their bytes, so that no worker is left alone with it at the end.
const suites = readdirSync(here("."))
  .filter((name) => name.endsWith(ENDING) && (positionals.length === 0 || positionals.includes(name.slice(0, -ENDING.length))))
  .sort((one, other) => statSync(here(other)).size - statSync(here(one)).size);
if (suites.length < Math.max(positionals.length, 1)) {
  console.error(`no such suite among: ${positionals}`);
  process.exit(2);
}

function run(suite) {
  const started = Date.now();
  return new Promise((done) => {
    const child = spawn(process.execPath, [here(suite)], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stdout.on("data", (bytes) => { said += bytes; });
    child.stderr.on("data", (bytes) => { said += bytes; });
    child.on("close", (code, signal) => done({ said, code, signal, seconds: Math.round((Date.now() - started) / 1000) }));
  });
}

async function worker() {
  for (let suite = suites.shift(); suite; suite = suites.shift()) {
    const { said, code, signal, seconds } = await run(suite);
    process.stdout.write(`-- ${suite}, ${seconds} s\n${said}`);
    // A suite that ended before it could count has failed, whatever it said until then.
    const counted = /^test result: (ok|FAILED)\. (\d+) passed; (\d+) failed$/m.exec(said);
    if (!counted || (code !== 0 && counted[3] === "0")) {
      console.log(`${suite} ended with ${signal ?? code}\ntest result: FAILED. 0 passed; 1 failed`);
    }
    if (!counted || code !== 0 || counted[2] === "0") process.exitCode = 1;
  }
}

await Promise.all(Array.from({ length: Number(values.workers) }, worker));
