// The program, a browser, and what both tests and screenshots do with them.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const PROGRAM = process.env.COUNTERSIGN_PROGRAM ?? join(ROOT, "target/debug/countersign");
// The shell is the browser without its windows, and takes half the processor time.
const BROWSER = process.env.CHROMIUM ??
  ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find((program) => existsSync(program));
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const PATIENCE = 60_000;

export const DESKTOP = { viewport: { width: 1280, height: 860 } };
export const PHONE = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

// `countersign serve --demo` on a directory of its own.
export class Serve {
  static async start(environment = {}, listen = "127.0.0.1:0") {
    const directory = mkdtempSync(join(tmpdir(), "countersign-browser-"));
    const data = join(directory, "data");
    const child = spawn(PROGRAM, ["serve", "--demo", "--listen", listen, "--data", data], {
      env: { PATH: process.env.PATH, HOME: directory, NO_COLOR: "1", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let log = "";
    const up = new Promise((done, failed) => {
      child.stdout.on("data", (bytes) => { if (String(bytes).includes("demo is at")) done(); });
      child.stderr.on("data", (bytes) => { log += bytes; });
      child.on("exit", (code) => failed(new Error(`serve ended with ${code}: ${log}`)));
      setTimeout(() => failed(new Error(`serve did not come up: ${log}`)), PATIENCE).unref();
    });
    await up;
    const demo = JSON.parse(readFileSync(join(data, "demo.json"), "utf8"));
    return Object.assign(new Serve(), { directory, data, child, demo, url: demo.url, log: () => log });
  }

  // A call of the API as somebody.
  async call(who, method, path, body, headers = {}) {
    const answer = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.demo.users[who].token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : null };
  }

  async submit(who, connection, command, more = {}) {
    const answer = await this.call(who, "POST", "/v1/requests", { connection, command, ...more });
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    return answer.body;
  }

  async stop() {
    const gone = new Promise((done) => this.child.once("exit", done));
    this.child.removeAllListeners("exit");
    this.child.kill("SIGTERM");
    await Promise.race([gone, new Promise((done) => this.child.once("exit", done))]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const launch = () => chromium.launch({ executablePath: BROWSER, args: FLAGS });

// A browser of somebody's own, signed in as them on the page of the demo.
export async function signedIn(browser, serve, who, options = DESKTOP) {
  const context = await browser.newContext({ ...options, baseURL: serve.url });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto("/sign-in");
  const name = who[0].toUpperCase() + who.slice(1);
  await page.getByRole("button", { name: new RegExp(`^${name}`) }).click();
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  return page;
}

// Sends a form, and waits for the page behind it: its address may be the same as before.
export const send = (page, name) => Promise.all([page.waitForEvent("load"), page.getByRole("button", typeof name === "string" ? { name, exact: true } : { name }).click()]);

// A receiver on this machine; what came is kept.
export async function receiver() {
  const got = [];
  const server = createServer((request, answer) => {
    let body = "";
    request.on("data", (bytes) => { body += bytes; });
    request.on("end", () => { got.push({ id: request.headers["webhook-id"], extra: request.headers["x-extra"], body: JSON.parse(body) }); answer.end("thanks"); });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { got, url: `http://127.0.0.1:${server.address().port}/hook`, stop: () => server.close() };
}

// Tests, one after the other; a line that tests/run counts at the end. An argument runs those alone that
// have it in their name.
export class Tests {
  passed = 0;
  failures = [];

  async test(name, body) {
    if (process.argv[2] && !name.includes(process.argv[2])) return;
    try {
      await body();
      this.passed += 1;
      console.log(`ok      ${name}`);
    } catch (error) {
      this.failures.push(name);
      console.log(`FAILED  ${name}\n${error.stack ?? error}`);
    }
  }

  end() {
    const failed = this.failures.length;
    console.log(`test result: ${failed ? "FAILED" : "ok"}. ${this.passed} passed; ${failed} failed`);
    process.exitCode = failed ? 1 : 0;
  }
}

export function equal(got, wanted, what = "") {
  if (got !== wanted) throw new Error(`${what} expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
}

export function truly(condition, what) {
  if (!condition) throw new Error(what);
}
