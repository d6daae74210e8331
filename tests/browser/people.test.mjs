// Signing in and out, people, and their tokens.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { accessible } from "./axe.mjs";
import { DESKTOP, PHONE, PROGRAM, Serve, Tests, equal, launch, signedIn, truly } from "./lib.mjs";

const tests = new Tests();
const serve = await Serve.start();
const browser = await launch();

await tests.test("signed out is signed out, here and everywhere", async () => {
  const one = await signedIn(browser, serve, "rita");
  const other = await signedIn(browser, serve, "rita");
  const [kept] = await one.context().cookies();
  await one.getByRole("button", { name: "Sign out" }).click();
  await one.waitForURL("**/sign-in");
  const again = await fetch(`${serve.url}/v1/me`, { headers: { cookie: `${kept.name}=${kept.value}` } });
  equal(again.status, 401, "the cookie that somebody kept");
  equal((await other.request.get("/v1/me")).status(), 200);
  await other.goto("/account");
  await other.getByRole("button", { name: "Sign out everywhere" }).click();
  await other.waitForURL("**/sign-in**");
  equal((await other.request.get("/v1/me")).status(), 401);
  await one.context().close();
  await other.context().close();
});

await tests.test("people: an account is made, moved, disabled; and only by an admin", async () => {
  const root = await signedIn(browser, serve, "root");
  await root.goto("/people/new");
  await root.getByLabel("E-mail").fill("nora@example.com");
  await root.getByLabel("Name", { exact: true }).fill("Nora");
  await root.getByLabel("dba-team").check();
  await root.getByRole("button", { name: "Save" }).click();
  await root.waitForURL("**/people");
  await root.getByRole("link", { name: "Nora" }).click();
  await root.getByLabel("dba-team").uncheck();
  await root.getByLabel(/Disabled/).check();
  await root.getByRole("button", { name: "Save" }).click();
  await root.waitForURL("**/people");
  const nora = (await serve.call("root", "GET", "/v1/users?email=nora@example.com")).body.items[0];
  equal(nora.disabled, true);
  equal(nora.groups.length, 0);
  const alice = await signedIn(browser, serve, "alice");
  equal((await alice.request.get("/people/new", { headers: { accept: "text/html" } })).status(), 403);
  equal((await alice.request.get(`/people/${nora.id}`, { headers: { accept: "text/html" } })).status(), 404);
  await alice.context().close();
  await root.context().close();
});

await tests.test("whom a rule needs is not taken away before that was seen", async () => {
  const request = await serve.submit("alice", "demo-dual", "SELECT 'who will approve this'");
  for (const options of [DESKTOP, { ...PHONE, javaScriptEnabled: false }]) {
    const root = await signedIn(browser, serve, "root", options);
    const rita = (await serve.call("root", "GET", "/v1/users?email=rita@example.com")).body.items[0];
    const sam = (await serve.call("root", "GET", "/v1/users?email=sam@example.com")).body.items[0];
    // One of two leaves: nothing is lost, and nobody is asked.
    await root.goto(`/people/${rita.id}`);
    await root.getByLabel("security-team").uncheck();
    await root.getByRole("button", { name: "Save" }).click();
    await root.waitForURL("**/people");
    // The last one.
    await root.goto(`/people/${sam.id}`);
    await root.getByLabel(/Disabled/).check();
    await root.getByRole("button", { name: "Save" }).click();
    await root.getByText("Nothing is saved yet.").waitFor();
    const effects = await root.getByRole("status").innerText();
    truly(effects.includes("demo-dual") && effects.includes("could then be approved by nobody"), effects);
    truly(effects.includes(request.id), effects);
    equal((await serve.call("root", "GET", `/v1/users/${sam.id}`)).body.disabled, false);
    truly(await root.getByLabel(/Disabled/).isChecked(), "what was chosen stands in the form");
    if (options === DESKTOP) await accessible(root, "an account that a rule needs");
    // What was seen is saved, and nothing else.
    await root.getByLabel("Name", { exact: true }).fill("Sam the Second");
    await root.getByRole("button", { name: "Save this" }).click();
    await root.getByText("Nothing is saved yet.").waitFor();
    await root.getByRole("button", { name: "Save this" }).click();
    await root.waitForURL("**/people");
    equal((await serve.call("root", "GET", `/v1/users/${sam.id}`)).body.disabled, true);
    for (const was of [rita, sam]) {
      const now = (await serve.call("root", "GET", `/v1/users/${was.id}`)).body;
      const { status } = await serve.call("root", "PUT", `/v1/users/${was.id}`, { ...was, version: now.version }, { "if-match": `"${now.version}"` });
      equal(status, 200);
    }
    await root.context().close();
  }
});

await tests.test("an account that cannot be is told so, and what was typed stays", async () => {
  const root = await signedIn(browser, serve, "root");
  await root.goto("/people/new");
  await root.getByLabel("E-mail").fill("dana@example.com");
  await root.getByLabel("Name", { exact: true }).fill("Another Dana");
  await root.getByLabel("Other groups").fill("night-shift");
  await root.getByRole("button", { name: "Save" }).click();
  await root.getByRole("alert").getByText("another user has that e-mail address").waitFor();
  equal(await root.getByLabel("Name", { exact: true }).inputValue(), "Another Dana");
  truly(await root.getByLabel("night-shift").isChecked());
  await root.context().close();
});

await tests.test("an admin sees and takes away what belongs to an account", async () => {
  const root = await signedIn(browser, serve, "root");
  const robot = `usr_01K5J3V8Q4W7X9YABCDEFGHJKM`;
  const alice = (await serve.call("root", "GET", "/v1/users?email=alice@example.com")).body.items[0];
  equal((await serve.call("root", "PUT", `/v1/users/${robot}`, { email: "robot@example.com", owner: alice.id })).status, 201);
  await root.goto(`/people/${robot}`);
  await root.getByLabel("Name of a new token").fill("ci");
  for (const not of ["Decide", "Manage"]) await root.getByLabel(new RegExp(`^${not}`)).uncheck();
  await root.getByRole("button", { name: "Make a token" }).click();
  const token = (await root.locator("pre.text").innerText()).trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  equal((await fetch(`${serve.url}/v1/me`, { headers })).status, 200);
  const more = await fetch(`${serve.url}/v1/tokens`, { method: "POST", headers, body: JSON.stringify({ name: "more" }) });
  equal((await more.json()).type.split("/").pop(), "token-scope");
  truly((await root.getByRole("group", { name: "API tokens" }).innerText()).includes("read, submit"));
  await accessible(root, "a service account");
  await root.getByRole("button", { name: "Revoke ci" }).click();
  await root.waitForURL(`**/people/${robot}**`);
  equal((await fetch(`${serve.url}/v1/me`, { headers })).status, 401);

  const one = await signedIn(browser, serve, "alice");
  const other = await signedIn(browser, serve, "alice");
  await root.goto(`/people/${alice.id}`);
  await accessible(root, "an account with sessions");
  equal(await root.getByRole("button", { name: "Make a token" }).count(), 0, "people make their own");
  await root.getByRole("button", { name: /^End the session/ }).first().click();
  await root.waitForURL(`**/people/${alice.id}**`);
  // The newest of them is over.
  equal((await other.request.get("/v1/me")).status(), 401);
  equal((await one.request.get("/v1/me")).status(), 200);
  const third = await signedIn(browser, serve, "alice");
  await one.goto("/account");
  await one.getByRole("button", { name: /^End the session/ }).first().click();
  await one.waitForURL("**/account**");
  equal((await third.request.get("/v1/me")).status(), 401);
  equal((await one.request.get("/v1/me")).status(), 200);
  const audra = await signedIn(browser, serve, "audra");
  await audra.goto(`/people/${alice.id}`);
  equal(await audra.getByRole("button", { name: /^End|^Revoke|^Unlink/ }).count(), 0);
  for (const page of [root, one, other, third, audra]) await page.context().close();
});

await tests.test("a token is shown once", async () => {
  const alice = await signedIn(browser, serve, "alice");
  await alice.goto("/account");
  await alice.getByLabel("Name of a new token").fill("laptop");
  await alice.getByRole("button", { name: "Make a token" }).click();
  const token = (await alice.locator("pre.text").innerText()).trim();
  const me = await fetch(`${serve.url}/v1/me`, { headers: { authorization: `Bearer ${token}` } });
  equal(me.status, 200);
  await alice.goto("/account");
  truly(!(await alice.content()).includes(token), "it is not shown again");
  await alice.getByRole("button", { name: "Revoke laptop" }).click();
  await alice.waitForURL("**/account**");
  equal((await fetch(`${serve.url}/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status, 401);
  await alice.context().close();
});

await tests.test("the command line signs in through the browser, once for each code", async () => {
  const home = join(serve.directory, "home");
  const environment = { PATH: process.env.PATH, HOME: home, NO_COLOR: "1" };
  const login = spawn(PROGRAM, ["--url", serve.url, "login", "--no-browser"], { env: environment });
  let said = "";
  login.stderr.on("data", (bytes) => { said += bytes; });
  const ended = new Promise((done) => login.once("exit", done));
  while (!/http\S+\/cli\?\S+/.test(said)) await new Promise((done) => setTimeout(done, 20));
  const address = said.match(/http\S+\/cli\?\S+/)[0];
  // Somebody else's code is not taken.
  const port = new URL(address).searchParams.get("port");
  equal((await fetch(`http://127.0.0.1:${port}/?code=made-up&state=wrong`)).status, 404);
  const page = await signedIn(browser, serve, "audra");
  await page.goto(address);
  await accessible(page, "/cli");
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByText("Signed in. You can close this").waitFor();
  equal(await ended, 0, said);
  const profile = join(home, ".config/countersign/profile.json");
  equal((statSync(profile).mode & 0o777).toString(8), "600");
  const again = await fetch(`${serve.url}/cli/token`, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ code: new URL(page.url()).searchParams.get("code"), verifier: "x".repeat(43) }),
  });
  equal(again.status, 401, "a code is good once");
  const as = (args) => spawnSync(PROGRAM, args, { env: environment, encoding: "utf8" });
  equal(as(["requests", "list"]).status, 0, "it is signed in, and knows where");
  const { token } = JSON.parse(readFileSync(profile, "utf8"));
  equal(as(["logout"]).status, 0);
  equal((await fetch(`${serve.url}/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status, 401);
  equal(as(["--url", serve.url, "requests", "list"]).status, 20);
  await page.context().close();
});

await browser.close();
await serve.stop();
tests.end();
