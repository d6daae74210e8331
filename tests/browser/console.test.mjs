// The console in a real browser: read, decided on, administered.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { accessible } from "./axe.mjs";
import { DESKTOP, PHONE, PROGRAM, Serve, Tests, equal, launch, receiver, send, signedIn, truly } from "./lib.mjs";

const tests = new Tests();
const serve = await Serve.start({ COUNTERSIGN_SEAL_SECONDS: "2" });
const browser = await launch();
const LIMIT = 60 * 1024;

// The bytes that a page and all it needs take over the wire, with nothing kept from before.
async function weight(page, path) {
  const context = await page.context().browser().newContext({ baseURL: serve.url, storageState: await page.context().storageState() });
  const fresh = await context.newPage();
  let bytes = 0;
  fresh.on("response", async (response) => {
    if (response.url().includes("wait_seconds")) return;
    const sizes = await response.request().sizes().catch(() => null);
    bytes += sizes ? sizes.responseBodySize + sizes.responseHeadersSize : 0;
  });
  await fresh.goto(path, { waitUntil: "load" });
  await fresh.waitForTimeout(200);
  await context.close();
  return bytes;
}

await tests.test("the session's cookie is for this host alone and for no script", async () => {
  const page = await signedIn(browser, serve, "alice");
  const [cookie] = await page.context().cookies();
  equal(cookie.httpOnly, true);
  equal(cookie.sameSite, "Lax");
  equal(cookie.path, "/");
  equal(await page.evaluate(() => document.cookie), "");
  await page.context().close();
});

await tests.test("what a page is sent with allows no script and no style of its own", async () => {
  const answer = await fetch(`${serve.url}/sign-in`);
  const policy = answer.headers.get("content-security-policy");
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]) {
    truly(policy.includes(part), `${part} in ${policy}`);
  }
  truly(!/unsafe|nonce|data:/.test(policy), policy);
  equal(answer.headers.get("x-content-type-options"), "nosniff");
  equal(answer.headers.get("cache-control"), "no-store");
  equal(answer.headers.get("x-frame-options"), "DENY");
});

await tests.test("whoever is not signed in is led to the sign-in and back", async () => {
  const request = await serve.submit("alice", "demo-db", "SELECT 1");
  const page = await (await browser.newContext({ baseURL: serve.url })).newPage();
  await page.goto(`/requests/${request.id}`);
  truly(page.url().includes("/sign-in?next="), page.url());
  await page.getByRole("button", { name: /^Dana/ }).click();
  await page.waitForURL(`**/requests/${request.id}`);
  await page.context().close();
});

for (const [size, options] of [["desktop", DESKTOP], ["phone", PHONE]]) {
  for (const javaScriptEnabled of [true, false]) {
    const how = `${size}, scripts ${javaScriptEnabled ? "on" : "off"}`;
    await tests.test(`written, approved by two people, run, read, masked (${how})`, async () => {
      const who = (name) => signedIn(browser, serve, name, { ...options, javaScriptEnabled });
      const alice = await who("alice");
      await alice.goto("/requests/new");
      await alice.getByLabel("Connection").selectOption("demo-dual");
      await alice.getByLabel("Command", { exact: true }).fill("SELECT name, email\nFROM customers\nORDER BY id LIMIT 3");
      await alice.getByLabel("Reason").fill("INC-1 look");
      await alice.getByRole("button", { name: "Check" }).click();
      const forecast = alice.getByRole("status").filter({ hasText: "If you send this" });
      await forecast.waitFor();
      const said = await forecast.innerText();
      truly(said.includes("dba-team — needs 1 approval; 3 people can give it"), said);
      truly(said.includes("security-team — needs 1 approval; 2 people can give it"), said);
      await alice.getByRole("button", { name: "Send for approval" }).click();
      await alice.waitForURL("**/requests/req_*");
      const path = new URL(alice.url()).pathname;
      const code = await alice.locator(".bigcode").innerText();
      truly(await alice.getByRole("button", { name: /Approve/ }).count() === 0, "nobody approves their own request");
      // That page would look again by itself, in the middle of where the test goes next.
      await alice.goto("/account");

      for (const name of ["dana", "sam"]) {
        const reviewer = await who(name);
        await reviewer.locator(`a.row[href="${path}"]`).first().click();
        await reviewer.waitForURL(`**${path}`);
        equal(await reviewer.locator(".bigcode").innerText(), code, "the code");
        await reviewer.getByRole("button", { name: `Approve ${code}` }).click();
        await reviewer.waitForURL(`**${path}`);
        await reviewer.getByText(`${name}@example.com`).first().waitFor();
        await reviewer.context().close();
      }
      await alice.goto(path);
      await alice.locator(".badge.approved").first().waitFor();
      await alice.getByRole("button", { name: "Run it now" }).click();
      await alice.locator(".badge.succeeded").first().waitFor();
      const output = await alice.locator("table.output").innerText();
      truly(output.includes("<EMAIL_ADDRESS>") && !output.includes("@example"), output);
      const trail = await serve.call("audra", "GET", `/v1${path}/events`);
      const votes = trail.body.items.filter((event) => event.type === "request.vote");
      equal(votes.map((vote) => vote.via).join(), "console,console");
      await alice.context().close();
    });
  }
}

await tests.test("rejected with a reason, and a guardrail, and a cancellation", async () => {
  const request = await serve.submit("alice", "demo-db", "DELETE FROM orders");
  const dana = await signedIn(browser, serve, "dana", PHONE);
  await dana.goto(`/requests/${request.id}`);
  await dana.getByLabel("Reason for a rejection").fill("without WHERE?");
  await dana.getByRole("button", { name: "Reject", exact: true }).click();
  await dana.locator(".badge.rejected").first().waitFor();
  const other = await serve.submit("alice", "demo-db", "SELECT 2");
  const alice = await signedIn(browser, serve, "alice");
  await alice.goto(`/requests/${other.id}`);
  await alice.getByRole("button", { name: "Cancel the request" }).click();
  await alice.locator(".badge", { hasText: "CANCELLED" }).first().waitFor();
  await dana.context().close();
  await alice.context().close();
});

await tests.test("an approval with bounds holds what it says", async () => {
  const request = await serve.submit("alice", "demo-db", "UPDATE orders SET note = 'x' WHERE id < 100");
  const dana = await signedIn(browser, serve, "dana");
  await dana.goto(`/requests/${request.id}`);
  await dana.getByText("Comment and limits").click();
  await dana.getByLabel("Comment", { exact: true }).fill("a few only");
  await dana.getByLabel("At most so many rows changed").fill("5");
  await dana.getByLabel("Good for so many minutes").fill("30");
  await dana.getByRole("button", { name: /^Approve/ }).click();
  await dana.locator(".badge.approved").first().waitFor();
  const now = await serve.call("alice", "GET", `/v1/requests/${request.id}`);
  equal(now.body.bounds.max_rows, 5);
  const run = await serve.call("alice", "POST", `/v1/requests/${request.id}/run`, {});
  equal(run.body.status, "FAILED");
  await dana.context().close();
});

await tests.test("a decision on a page that was reached from Teams says so", async () => {
  const request = await serve.submit("alice", "demo-db", "SELECT 6");
  const dana = await signedIn(browser, serve, "dana", PHONE);
  await dana.goto(`/requests/${request.id}?from=teams`);
  await dana.getByRole("button", { name: /^Approve/ }).click();
  await dana.locator(".badge.approved").first().waitFor();
  const trail = await serve.call("audra", "GET", `/v1/requests/${request.id}/events`);
  equal(trail.body.items.find((event) => event.type === "request.vote").via, "teams");
  await dana.context().close();
});

await tests.test("every byte of a command is shown, and what cannot be seen is written out", async () => {
  const command = "SELECT 1 -- \u202e\u200bDROP <script>alert(1)</script>\n" + "-- line\n".repeat(40) + "-- end";
  const request = await serve.submit("alice", "demo-db", command, { reason: "see \u202ethis" });
  const dana = await signedIn(browser, serve, "dana");
  await dana.goto(`/requests/${request.id}`);
  const shown = await dana.locator("pre.command").first().evaluate((pre) => pre.textContent);
  equal(shown, `${request.command_display}\n`);
  truly(shown.includes("<U+202E><U+200B>DROP <script>"), shown);
  equal(await dana.locator(".esc").count() >= 2, true);
  // What its requester wrote besides turns nothing around either, here and in the list.
  equal(await dana.locator(".reason").innerText(), "Reason: see <U+202E>this");
  await dana.goto("/");
  const row = dana.locator(`a.row[href="/requests/${request.id}"]`).first();
  truly((await row.innerText()).includes("see <U+202E>this"), "the list");
  await dana.context().close();
});

await tests.test("a form that is not of the session changes nothing", async () => {
  const request = await serve.submit("alice", "demo-db", "SELECT 3");
  const dana = await signedIn(browser, serve, "dana");
  const [cookie] = await dana.context().cookies();
  const send = (path, fields, headers = {}) => fetch(serve.url + path, {
    method: "POST", redirect: "manual",
    headers: { cookie: `${cookie.name}=${cookie.value}`, "content-type": "application/x-www-form-urlencoded", ...headers },
    body: new URLSearchParams(fields),
  });
  await dana.goto(`/requests/${request.id}`);
  const csrf = await dana.locator("input[name=csrf]").first().inputValue();
  const sam = await signedIn(browser, serve, "sam");
  await sam.goto("/account");
  const foreign = await sam.locator("input[name=csrf]").first().inputValue();
  const approve = `/requests/${request.id}/approve`;
  equal((await send(approve, { digest: request.digest })).status, 403, "without a token");
  equal((await send(approve, { digest: request.digest, csrf: foreign })).status, 403, "with somebody else's");
  equal((await send(approve, { digest: request.digest, csrf }, { "sec-fetch-site": "cross-site" })).status, 403, "from elsewhere");
  equal((await send(approve, { digest: request.digest, csrf }, { origin: "https://evil.example" })).status, 403, "from another origin");
  const json = await fetch(`${serve.url}/v1${approve}`, {
    method: "POST", headers: { cookie: `${cookie.name}=${cookie.value}`, "content-type": "application/json" },
    body: JSON.stringify({ digest: request.digest }),
  });
  equal(json.status, 401, "a cookie decides nothing at the API");
  const bearer = await fetch(`${serve.url}/v1/me`, { headers: { authorization: `Bearer ${cookie.value}` } });
  equal(bearer.status, 401, "a session is no bearer");
  equal((await serve.call("alice", "GET", `/v1/requests/${request.id}`)).body.status, "PENDING");
  equal((await send(approve, { digest: request.digest, csrf })).status, 303, "with the right one");
  equal((await serve.call("alice", "GET", `/v1/requests/${request.id}`)).body.status, "APPROVED");
  await dana.context().close();
  await sam.context().close();
});

await tests.test("GET changes nothing, and decides nothing", async () => {
  const request = await serve.submit("alice", "demo-db", "SELECT 4");
  const dana = await signedIn(browser, serve, "dana");
  for (const verb of ["approve", "reject", "cancel", "run"]) {
    equal((await dana.request.get(`/requests/${request.id}/${verb}`)).status(), 405, verb);
  }
  for (const path of ["/sign-out", "/connections/demo-db/delete", "/account/sessions/end", "/sign-in/demo"]) {
    equal((await dana.request.get(path)).status(), 405, path);
  }
  equal((await serve.call("alice", "GET", `/v1/requests/${request.id}`)).body.version, request.version);
  await dana.context().close();
});

await tests.test("an open page notices what others do", async () => {
  const request = await serve.submit("alice", "demo-db", "SELECT 5");
  const alice = await signedIn(browser, serve, "alice");
  await alice.goto(`/requests/${request.id}`);
  await serve.call("dana", "POST", `/v1/requests/${request.id}/approve`, { digest: request.digest });
  await alice.getByRole("button", { name: "Run it now" }).waitFor();
  await alice.context().close();
});

await tests.test("filters find what they should, and an empty list says so", async () => {
  await serve.submit("alice", "demo-db", "SELECT 'needle'");
  const page = await signedIn(browser, serve, "root");
  await page.getByText("Filter", { exact: true }).click();
  await page.getByLabel("Text", { exact: true }).fill("needle");
  await page.getByLabel("Status").selectOption("PENDING");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.waitForURL("**q=needle**");
  equal(await page.locator("a.row").count(), 1);
  await page.getByLabel("Text", { exact: true }).fill("no such thing");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByText("Nothing matches").waitFor();
  await page.context().close();
});

await tests.test("numbers are told and drawn once they are sealed", async () => {
  const page = await signedIn(browser, serve, "audra", { ...DESKTOP, javaScriptEnabled: false });
  await page.goto("/analytics");
  // Sealing takes what is over a minute old.
  const until = Date.now() + 240_000;
  while (await page.locator(".plot svg rect").count() === 0 && Date.now() < until) {
    await page.waitForTimeout(2000);
    await page.goto("/analytics");
  }
  truly(await page.locator("#days ~ .plot svg [fill='#1C6B3F']").count() > 0, "a bar of approvals");
  equal(await page.locator("svg style, svg script, [style]").count(), 0);
  const text = await page.locator("main").innerText();
  for (const part of ["Approval rate", "p90", "p99", "By group", "Load by reviewer", "By requester", "Common commands by shape"]) {
    truly(text.includes(part), part);
  }
  truly(!text.includes("needle"), "no value of a command is here");
  for (const section of ["connections", "requesters", "groups", "reviewers"]) {
    const head = (await page.locator(`section[aria-labelledby=${section}] thead`).innerText()).split(/\s+/);
    for (const column of ["Rate", "Mean", "p50", "p90", "p99"]) truly(head.includes(column), `${section}: ${column}`);
  }
  const downloaded = async (link) => {
    const [file] = await Promise.all([page.waitForEvent("download"), link.click()]);
    return { name: file.suggestedFilename(), text: readFileSync(await file.path(), "utf8") };
  };
  const table = await downloaded(page.getByRole("link", { name: "requesters", exact: true }));
  truly(table.name === "analytics-by-requester.csv" && table.text.startsWith("user.email,user.id,counts.submitted"), table.text);
  // All requests of the span, in one file whose name says the span.
  await page.getByRole("link", { name: "as CSV" }).click();
  truly((await page.locator("h2#parts").innerText()).includes("All of it is one file"), "one file");
  const whole = await downloaded(page.getByRole("link", { name: /^requests_.*\.csv$/ }));
  const all = [];
  for (let cursor = ""; cursor !== null;) {
    const some = (await serve.call("audra", "GET", `/v1/requests?limit=200${cursor}`)).body;
    all.push(...some.items);
    cursor = some.next_cursor && `&cursor=${some.next_cursor}`;
  }
  truly(whole.text.startsWith("id,status,connection") && all.every((one) => whole.text.includes(one.id)), `${all.length} requests`);
  // What does not fit comes in narrower parts.
  await page.goto("/analytics/requests?format=jsonl&split=1");
  truly(await page.getByRole("link", { name: /^requests_.*\.jsonl$/ }).count() > 0, "parts");
  await page.goto("/analytics");
  await page.getByRole("textbox", { name: "Connection" }).fill("demo-dual");
  await page.getByLabel("From (UTC)").fill("2026-01-01");
  await send(page, "Show");
  truly(!(await page.locator("#connections ~ .wide").innerText()).includes("demo-db"), "only that connection");
  await page.emulateMedia({ media: "print" });
  equal(await page.locator("header.top").isVisible(), false);
  equal(await page.locator(".plot svg").first().isVisible(), true);
  // What is folded on the screen is there on paper, and what was rejected stays red.
  equal(await page.locator("#days ~ details td").first().isVisible(), true);
  equal(await page.locator("#days ~ details summary").isVisible(), false);
  const red = await page.locator(".swatch.bad").first().evaluate((swatch) => getComputedStyle(swatch).backgroundColor);
  equal(red, "rgb(229, 118, 111)");
  await page.context().close();
});

await tests.test("the log shows its checkpoints, its key and who changed what", async () => {
  const { body: webhook } = await serve.call("root", "POST", "/v1/webhooks", { name: "log", url: "http://127.0.0.1:9/" });
  equal((await serve.call("root", "POST", `/v1/webhooks/${webhook.id}/rotate-secret`)).status, 200);
  const { items: [sam] } = (await serve.call("root", "GET", "/v1/users?email=sam@example.com")).body;
  equal((await serve.call("root", "PUT", `/v1/users/${sam.id}`, { email: sam.email, name: "Samuel", groups: sam.groups }, { "if-match": `"${sam.version}"` })).status, 200);
  const page = await signedIn(browser, serve, "audra", { ...DESKTOP, javaScriptEnabled: false });
  const changes = page.locator("section[aria-labelledby=changes] ol > li");
  const until = Date.now() + 240_000;
  // The last of these changes; they are sealed in their order.
  do {
    await page.waitForTimeout(2000);
    await page.goto("/audit?type=user.changed&who=root@");
  } while (await changes.count() === 0 && Date.now() < until);
  await page.goto("/audit");
  const { items: [key] } = (await serve.call("audra", "GET", "/v1/audit/public-key")).body;
  truly((await page.locator("section[aria-labelledby=keys]").innerText()).includes(key.public_key), "the key");
  truly((await page.locator("section[aria-labelledby=changes]").innerText()).includes("connection."), "a change of a connection");
  await page.getByLabel("What", { exact: true }).selectOption("webhook.changed");
  await send(page, "Show");
  const rotated = await changes.allInnerTexts();
  truly(rotated.length > 0 && rotated.every((one) => one.includes("root@example.com") && one.includes("webhook.changed")), rotated.join("\n"));
  // Who, with a link to them; what it was before and what it is.
  await page.getByLabel("What", { exact: true }).selectOption("user.changed");
  await page.getByLabel("Who").fill("root@");
  await send(page, "Show");
  truly(await changes.count() > 0, "changes of accounts by root");
  equal(await page.locator("section[aria-labelledby=changes] strong").getByRole("link", { name: "root@example.com" }).count(), await changes.count());
  const changed = changes.first();
  equal((await changed.locator("thead").innerText()).trim().split(/\s+/).join(" "), "What Before After");
  truly(!/\bversion\b/.test(await changed.locator("tbody").innerText()), "the version is no news");
  await page.goto("/audit?type=session.");
  truly((await changes.first().innerText()).includes("session."), "sign-ins");
  await page.goto("/audit?who=nobody-like-that");
  equal(await changes.count(), 0);
  // The files are called as the words call them, and verify each other.
  await page.goto("/audit");
  const saved = {};
  for (const name of ["checkpoint.json", "keys.json"]) {
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name, exact: true }).click()]);
    equal(file.suggestedFilename(), name);
    saved[name] = await file.path();
  }
  await page.getByRole("link", { name: "from here as files" }).click();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /^log_0+_\d+\.jsonl$/ }).click()]);
  const verified = spawnSync(PROGRAM, ["audit", "verify", await file.path(), "--key", saved["keys.json"], "--checkpoint", saved["checkpoint.json"]], { encoding: "utf8" });
  equal(verified.status, 0, verified.stdout + verified.stderr);
  await page.context().close();
});

await tests.test("a request says who was told and by which way, and gives its receipt", async () => {
  const hook = await receiver();
  const made = await serve.call("root", "POST", "/v1/webhooks", { name: "told", url: hook.url });
  const request = await serve.submit("alice", "demo-db", "SELECT 8");
  const alice = await signedIn(browser, serve, "alice", { ...PHONE, javaScriptEnabled: false });
  await alice.goto(`/requests/${request.id}`);
  await alice.getByRole("link", { name: "Who was told" }).click();
  await alice.waitForURL("**/notifications");
  const section = alice.locator("section", { has: alice.getByRole("heading", { name: "told", exact: true }) });
  while (!(await section.innerText()).includes("delivered")) await alice.goto(`/requests/${request.id}/notifications`);
  truly(!(await section.innerText()).includes("thanks"), "what was answered is for admins and auditors");
  const root = await signedIn(browser, serve, "root");
  await root.goto(`/requests/${request.id}/notifications`);
  truly((await root.locator("main").innerText()).includes("thanks"), "the answer");
  equal((await serve.call("root", "DELETE", `/v1/webhooks/${made.body.id}`, undefined, { "if-match": made.headers.get("etag") })).status, 204);
  await alice.goto(`/requests/${request.id}`);
  equal(await alice.getByRole("link", { name: /receipt/i }).getAttribute("href"), `/requests/${request.id}/receipt`);
  const rita = await signedIn(browser, serve, "rita");
  const seen = (await serve.call("rita", "GET", `/v1/requests/${request.id}`)).status;
  equal((await rita.request.get(`/requests/${request.id}/notifications`, { headers: { accept: "text/html" } })).status(), seen);
  for (const page of [alice, root, rita]) await page.context().close();
  hook.stop();
});

await tests.test("the API can be read without script", async () => {
  const page = await signedIn(browser, serve, "alice", { ...DESKTOP, javaScriptEnabled: false });
  await page.goto("/account");
  await page.getByRole("link", { name: "What they can call" }).click();
  await page.waitForURL("**/api");
  await page.locator("#create_request > summary, #submit_request > summary").first().click();
  await page.getByRole("heading", { name: "Answers" }).first().waitFor();
  await page.context().close();
});

await tests.test("axe-core finds nothing on any page, and none is too heavy", async () => {
  const pending = await serve.submit("alice", "demo-dual", "UPDATE orders\nSET note = 'x' -- \u200b\nWHERE id = 1", { reason: "INC-7" });
  const done = await serve.submit("root", "demo-db", "SELECT * FROM customers LIMIT 5");
  await serve.call("root", "POST", `/v1/requests/${done.id}/run`, {});
  // All that is wrong is told at once.
  const wrong = [];
  let heaviest = 0;
  const check = async (page, what) => { await accessible(page, what).catch((error) => wrong.push(error.message)); };
  for (const [size, options] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    const fresh = await (await browser.newContext({ ...options, baseURL: serve.url })).newPage();
    await fresh.goto("/sign-in");
    await check(fresh, `sign-in, ${size}`);
    await fresh.context().close();
    const root = await signedIn(browser, serve, "root", options);
    const sam = await signedIn(browser, serve, "sam", options);
    const me = (await serve.call("dana", "GET", "/v1/me")).body.id;
    const hook = await serve.call("root", "POST", "/v1/webhooks", { name: `axe-${size}`, url: "http://127.0.0.1:9/", enabled: false });
    await serve.call("root", "POST", `/v1/webhooks/${hook.body.id}/test`);
    const paths = [
      "/integrations", "/integrations/webhooks/new", `/integrations/webhooks/${hook.body.id}`, "/analytics", "/analytics?connection=nowhere", "/analytics/requests?format=csv", "/audit", "/audit?type=connection.", "/audit/files", "/api",
      `/requests/${done.id}/notifications`,
      "/", "/?group=mine", "/?q=nothing-like-this", "/requests/new", `/requests/${pending.id}`, `/requests/${done.id}`,
      "/connections", "/connections/demo-dual", "/connections/new", "/people", "/people/new", `/people/${me}`, "/account", "/slack/link",
      "/nowhere",
    ];
    for (const page of [root, sam]) {
      for (const path of paths) {
        await page.goto(path);
        await check(page, `${path}, ${size}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wide > 0) wrong.push(`${path}, ${size}: ${wide} pixels wider than the screen`);
      }
    }
    if (size === "desktop") {
      for (const path of paths) {
        const bytes = await weight(root, path);
        if (!(bytes > 0 && bytes <= LIMIT)) wrong.push(`${path} takes ${bytes} bytes`);
        heaviest = Math.max(heaviest, bytes);
      }
    }
    await root.context().close();
    await sam.context().close();
  }
  console.log(`        the heaviest page takes ${heaviest} bytes with all that it needs`);
  truly(wrong.length === 0, wrong.join("\n"));
});

await browser.close();
await serve.stop();
tests.end();
