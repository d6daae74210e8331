// What pages owe to whoever reads them: on a telephone, when something is wrong, and when it matters what time it was.
import { accessible } from "./axe.mjs";
import { DESKTOP, PHONE, Serve, Tests, equal, launch, receiver, send, signedIn, truly } from "./lib.mjs";

const tests = new Tests();
const serve = await Serve.start({ COUNTERSIGN_SEAL_SECONDS: "2" });
const browser = await launch();
const HTML = { headers: { accept: "text/html" } };
const INSTANT = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/;

// Waits until somebody's webhook has been told of something.
async function told(page, path) {
  const until = Date.now() + 60_000;
  do { await page.goto(path); } while (await page.locator(".badge", { hasText: /delivered|waiting|given up/ }).count() === 0 && Date.now() < until);
}

await tests.test("on a telephone the rows of a log are cards, with what can be done in sight", async () => {
  const made = await serve.call("root", "POST", "/v1/webhooks", { name: "phone", url: "http://127.0.0.1:9/" });
  await serve.call("root", "POST", `/v1/webhooks/${made.body.id}/test`);
  const root = await signedIn(browser, serve, "root", PHONE);
  await told(root, `/integrations/webhooks/${made.body.id}`);
  const cell = root.locator("td[data-label='Last answer']").first();
  for (const one of [cell, root.getByRole("button", { name: /^Replay/ }).first()]) {
    const box = await one.boundingBox();
    truly(box.x >= 0 && box.x + box.width <= 390 && box.width > 40, JSON.stringify(box));
  }
  equal(await cell.evaluate((one) => getComputedStyle(one, "::before").content), '"Last answer"');
  equal(await root.locator(".wide").first().evaluate((one) => one.scrollWidth <= one.clientWidth), true, "nothing to scroll");
  await accessible(root, "a log of cards");
  await root.context().close();
});

await tests.test("on a telephone nothing zooms in, and a table that stays one has a shadow where there is more", async () => {
  const wide = "SELECT * FROM customers ORDER BY id LIMIT 3";
  const request = await serve.submit("alice", "demo-open", wide, { reason: "look" });
  await serve.call("alice", "POST", `/v1/requests/${request.id}/run`, {});
  const alice = await signedIn(browser, serve, "alice", PHONE);
  for (const path of ["/requests/new", "/account", "/"]) {
    await alice.goto(path);
    const small = await alice.evaluate(() => [...document.querySelectorAll("input:not([type=hidden],[type=checkbox],[type=radio]), select, textarea")]
      .filter((one) => parseFloat(getComputedStyle(one).fontSize) < 16).map((one) => one.outerHTML));
    equal(small.join("\n"), "", path);
  }
  await alice.goto(`/requests/${request.id}`);
  const table = alice.locator(".wide", { has: alice.locator("table.output") });
  truly(await table.evaluate((one) => one.scrollWidth > one.clientWidth), "it is wider than the screen");
  truly((await table.evaluate((one) => getComputedStyle(one).backgroundAttachment)).includes("local"), "an edge");
  await alice.context().close();
});

await tests.test("on a telephone who rejects sees what to write, and no Approve under the thumb", async () => {
  const request = await serve.submit("alice", "demo-db", "DELETE FROM orders WHERE id = 1");
  for (const javaScriptEnabled of [true, false]) {
    const dana = await signedIn(browser, serve, "dana", { ...PHONE, javaScriptEnabled });
    await dana.goto(`/requests/${request.id}`);
    equal(await dana.locator(".thumb").evaluate((one) => getComputedStyle(one).position), "fixed");
    await dana.getByRole("link", { name: "Reject", exact: true }).click();
    await dana.waitForTimeout(100);
    const label = await dana.getByText("Reason for a rejection").boundingBox();
    truly(label.y >= 0 && label.y < 700, `the label at ${label.y}`);
    equal(await dana.locator(".thumb").evaluate((one) => getComputedStyle(one).position), "static");
    equal(await dana.getByRole("link", { name: "Reject", exact: true }).isVisible(), false, "one Reject");
    await dana.context().close();
  }
});

await tests.test("an instant is said to the second, with its day and its zone, with scripts and without", async () => {
  const request = await serve.submit("alice", "demo-db", "SELECT 1", { reason: "times" });
  await serve.call("dana", "POST", `/v1/requests/${request.id}/approve`, { digest: request.digest });
  for (const javaScriptEnabled of [true, false]) {
    const alice = await signedIn(browser, serve, "alice", { ...DESKTOP, javaScriptEnabled, timezoneId: "Asia/Tokyo" });
    await alice.goto(`/requests/${request.id}`);
    truly(INSTANT.test(await alice.locator(".votes .vote").first().innerText()), "the vote");
    const timeline = alice.locator("section[aria-labelledby=timeline]");
    equal(await timeline.locator("h3.day").first().innerText(), request.created_at.slice(0, 10));
    equal(await timeline.locator("time").first().innerText(), `${request.created_at.slice(11, 19)} UTC`);
    if (javaScriptEnabled) truly(/GMT\+9|Tokyo|JST/.test(await timeline.locator("time").first().getAttribute("title")), "one's own time");
    await alice.context().close();
  }
});

await tests.test("a form that cannot be taken is shown again, with what was typed and what is wrong at its field", async () => {
  const root = await signedIn(browser, serve, "root");
  const wrong = async (field, part) => {
    equal(await field.getAttribute("aria-invalid"), "true", part);
    const [id] = (await field.getAttribute("aria-describedby")).split(" ");
    const said = await root.locator(`#${id}`).innerText();
    truly(said.includes(part), said);
    await accessible(root, part);
    await root.getByRole("alert").getByRole("link").first().click();
    truly(await field.evaluate((one) => location.hash === `#${one.id}`), "the summary leads there");
  };
  await root.goto("/integrations/webhooks/new");
  await root.getByLabel("Name", { exact: true }).fill("inner");
  await root.getByLabel("Address").fill("http://10.0.0.1/");
  await root.getByLabel("request.created").check();
  await root.getByLabel("Headers that are sent along").fill("X-One: 1\nX-Two: 2");
  await send(root, "Make it");
  await wrong(root.getByLabel("Address"), "10.0.0.1");
  equal(await root.getByLabel("Address").inputValue(), "http://10.0.0.1/");
  equal(await root.getByLabel("Headers that are sent along").inputValue(), "X-One: 1\nX-Two: 2");
  equal(await root.getByLabel("request.created").isChecked(), true);
  await root.goto("/people/new");
  await root.getByLabel("E-mail").fill("dana@example.com");
  await root.getByLabel("Name", { exact: true }).fill("Another Dana");
  await root.getByLabel("security-team").check();
  await root.getByRole("button", { name: "Save" }).click();
  await root.getByRole("alert").waitFor();
  truly((await root.getByRole("alert").innerText()).includes("Another user has that e-mail address."), "why");
  await wrong(root.getByLabel("E-mail"), "Another user");
  equal(await root.getByLabel("Name", { exact: true }).inputValue(), "Another Dana");
  equal(await root.getByLabel("security-team").isChecked(), true);
  await root.goto("/integrations");
  await root.getByLabel("Reference to the workflow's address").fill("https://a.real.address");
  await send(root, "Save Teams");
  await wrong(root.getByLabel("Reference to the workflow's address"), "env:");
  equal(await root.getByLabel("Reference to the workflow's address").inputValue(), "https://a.real.address");
  await root.goto("/?connection=Not%20One&q=kept");
  await wrong(root.getByLabel("Connection"), "Not One");
  equal(await root.getByLabel("Text", { exact: true }).inputValue(), "kept");
  await root.goto("/slack/link");
  await root.getByText("Slack is not set up here").waitFor();
  equal(await root.getByRole("button", { name: /what to type/ }).count(), 0);
  await root.context().close();
});

await tests.test("a decision that cannot be taken keeps what was written, in its form", async () => {
  const request = await serve.submit("alice", "demo-db", "UPDATE orders SET note = 'y' WHERE id = 2", { reason: "decide" });
  const dana = await signedIn(browser, serve, "dana");
  await dana.goto(`/requests/${request.id}`);
  await dana.getByText("Comment and limits").click();
  await dana.getByLabel("Comment", { exact: true }).fill("as agreed");
  await dana.getByLabel("Good for so many minutes").fill("99999999999");
  await dana.getByRole("button", { name: /^Approve/ }).click();
  await dana.getByRole("alert").waitFor();
  equal(await dana.getByLabel("Good for so many minutes").getAttribute("aria-invalid"), "true");
  equal(await dana.getByLabel("Comment", { exact: true }).inputValue(), "as agreed");
  equal(await dana.getByLabel("Comment", { exact: true }).isVisible(), true, "it is not folded away");
  await accessible(dana, "a decision that could not be taken");
  await dana.getByLabel("Reason for a rejection").fill("   ");
  await dana.getByRole("button", { name: "Reject", exact: true }).click();
  await dana.getByText("Say why, so that the requester knows what to change.").first().waitFor();
  equal(await dana.getByLabel("Reason for a rejection").getAttribute("aria-invalid"), "true");
  equal((await serve.call("alice", "GET", `/v1/requests/${request.id}`)).body.status, "PENDING");
  await dana.getByRole("button", { name: /^Approve/ }).click();
  await dana.locator("h1 .badge.approved").waitFor();
  await dana.context().close();
});

await tests.test("a request that cannot be sent is written no second time", async () => {
  const alice = await signedIn(browser, serve, "alice", { ...DESKTOP, javaScriptEnabled: false });
  await alice.goto("/requests/new");
  await alice.getByLabel("Command", { exact: true }).fill("SELECT 41\n+ 1");
  await alice.getByRole("button", { name: "Check" }).click();
  await alice.getByText("Choose a connection.").first().waitFor();
  equal(await alice.getByLabel("Connection").getAttribute("aria-invalid"), "true");
  await serve.call("root", "PUT", "/v1/connections/why", { kind: "sqlite", target: { path: "demo.db" }, reviewers: ["dba-team"], require_reason: true });
  await alice.goto("/requests/new?connection=why");
  await alice.getByLabel("Command", { exact: true }).fill("SELECT 41\n+ 1");
  await alice.getByRole("button", { name: "Send for approval" }).click();
  await alice.getByRole("alert").waitFor();
  equal(await alice.getByLabel("Reason").getAttribute("aria-invalid"), "true");
  equal(await alice.getByLabel("Command", { exact: true }).inputValue(), "SELECT 41\n+ 1");
  await alice.getByLabel("Reason").fill("because");
  await alice.getByRole("button", { name: "Send for approval" }).click();
  await alice.waitForURL("**/requests/req_*");
  await alice.context().close();
});

await tests.test("whoever sends a form after their session ended is told so and led back to it", async () => {
  const alice = await signedIn(browser, serve, "alice");
  await alice.goto("/requests/new?connection=demo-db");
  await alice.getByLabel("Command", { exact: true }).fill("SELECT 'lost'");
  await alice.context().clearCookies();
  await alice.getByRole("button", { name: "Send for approval" }).click();
  await alice.getByText("what you just sent was not taken").waitFor();
  await accessible(alice, "a lost form");
  await alice.getByRole("button", { name: /^Alice/ }).click();
  await alice.waitForURL("**/requests/new");
  await alice.context().close();
});

await tests.test("a page about a problem knows who looks, and speaks in sentences", async () => {
  const alice = await signedIn(browser, serve, "alice");
  for (const path of ["/analytics", "/nowhere"]) {
    await alice.goto(path);
    const lead = await alice.locator("p.lead").innerText();
    truly(/^[A-Z].*\.$/.test(lead), lead);
    equal(await alice.getByRole("navigation", { name: "Main" }).count(), 1, path);
    equal(await alice.getByRole("button", { name: "Sign out" }).count(), 1, path);
    equal(await alice.getByText("A demo: its people and data are made up.").count(), 1, path);
    await accessible(alice, path);
  }
  await alice.goto("/analytics");
  await alice.getByText("You are signed in as Alice").waitFor();
  await send(alice, "Sign out");
  await alice.waitForURL("**/sign-in");
  await alice.context().close();
});

await tests.test("a receipt is waited for where it is not ready, and had where it is", async () => {
  const request = await serve.submit("alice", "demo-db", "SELECT 7", { reason: "receipt" });
  const alice = await signedIn(browser, serve, "alice");
  await alice.goto(`/requests/${request.id}`);
  truly((await alice.locator("main").innerText()).includes("Receipt: ready about a minute after the last event."), "when");
  await alice.getByRole("link", { name: "Wait for the receipt" }).click();
  await alice.waitForURL("**/receipt**");
  const early = await alice.request.get(`/requests/${request.id}/receipt`, HTML);
  if (early.headers()["content-type"].startsWith("text/html")) {
    truly((await early.text()).includes("It is not ready yet"), "it says so");
    truly(early.headers().refresh.startsWith("5;url=/requests/"), "and looks again");
  }
  // Sealing takes what is over a minute old; the page looks by itself.
  await alice.getByRole("link", { name: "Save the receipt" }).waitFor({ timeout: 240_000 });
  await accessible(alice, "a receipt");
  const [file] = await Promise.all([alice.waitForEvent("download"), alice.getByRole("link", { name: "Save the receipt" }).click()]);
  equal(file.suggestedFilename(), `${request.id}.receipt.json`);
  equal((await alice.request.get(`/requests/${request.id}/receipt`)).status(), 200);
  const rita = await signedIn(browser, serve, "sam");
  equal((await rita.request.get(`/requests/${request.id}/receipt`, HTML)).status(), 404, "for whoever may see the request");
  await rita.context().close();
  await alice.context().close();
});

await tests.test("a page that was chosen comes, also when what one leaves changes meanwhile", async () => {
  const request = await serve.submit("alice", "demo-db", "SELECT 'leave'", { reason: "x" });
  const alice = await signedIn(browser, serve, "alice");
  await alice.goto(`/requests/${request.id}`);
  const polled = alice.waitForResponse((answer) => answer.url().includes("since_version") && answer.status() === 200, { timeout: 60_000 });
  await alice.route("**/receipt", async (route) => {
    await serve.call("alice", "POST", `/v1/requests/${request.id}/cancel`);
    await polled;
    // Time for the script to look at what it was told.
    await new Promise((done) => setTimeout(done, 1000));
    await route.continue();
  });
  await alice.getByRole("link", { name: "Wait for the receipt" }).click();
  await alice.waitForURL("**/receipt**");
  await alice.context().close();
});

await tests.test("an admin revokes with a reason, and its requester reads it", async () => {
  const request = await serve.submit("alice", "demo-db", "SELECT 'stop'", { reason: "x" });
  const root = await signedIn(browser, serve, "root", PHONE);
  await root.goto(`/requests/${request.id}`);
  await root.getByLabel("Why you revoke it").fill("wrong day \u202e");
  await accessible(root, "revoke");
  await root.getByRole("button", { name: "Revoke the request" }).click();
  await root.locator(".badge", { hasText: "CANCELLED" }).first().waitFor();
  const alice = await signedIn(browser, serve, "alice");
  await alice.goto(`/requests/${request.id}`);
  const text = await alice.locator("main").innerText();
  truly(text.includes("Why: wrong day <U+202E>"), text);
  truly(text.includes("alice@example.com asked to run this on") && text.includes("Who had to agree") && !text.includes("presses Run"), text);
  const { items } = (await serve.call("alice", "GET", `/v1/requests/${request.id}/events`)).body;
  equal(items.at(-1).data.reason, "wrong day \u202e");
  await alice.context().close();
  await root.context().close();
});

await tests.test("who was told is said for people with a browser, and nobody misses what is set up nowhere", async () => {
  const request = await serve.submit("alice", "demo-db", "SELECT 9", { reason: "told" });
  const hook = await receiver();
  const made = await serve.call("root", "POST", "/v1/webhooks", { name: "broken", url: "http://127.0.0.1:9/" });
  const later = await serve.submit("alice", "demo-db", "SELECT 10", { reason: "told" });
  const root = await signedIn(browser, serve, "root");
  await root.goto(`/requests/${request.id}/notifications`);
  const text = await root.locator("main").innerText();
  truly(!/Slack|Teams|countersign (webhooks|slack|teams)|attempt\(s\)|\d\dT\d\d:/.test(text), text);
  await told(root, `/requests/${later.id}/notifications`);
  await root.getByRole("link", { name: "broken" }).waitFor();
  truly(await root.getByRole("button", { name: /^Replay request.created/ }).count() > 0, "once more");
  await accessible(root, "who was told");
  await serve.call("root", "DELETE", `/v1/webhooks/${made.body.id}`, undefined, { "if-match": made.headers.get("etag") });
  await root.context().close();
  hook.stop();
});

await tests.test("a list says how much can go wrong, offers what there is, and leads back to the newest", async () => {
  await serve.submit("alice", "demo-db", "DELETE FROM orders", { reason: "risk" });
  const root = await signedIn(browser, serve, "root", { ...DESKTOP, javaScriptEnabled: false });
  await root.goto("/?q=risk");
  truly((await root.locator("a.row").first().innerText()).includes("high risk"), "the badge");
  const offered = await root.locator("datalist#connections option").evaluateAll((all) => all.map((one) => one.value));
  truly(offered.includes("demo-dual"), offered.join());
  const names = await root.locator(".tabs a").allInnerTexts();
  for (const name of ["Running", "Failed", "Expired"]) truly(names.includes(name), names.join());
  await root.goto("/?limit=2");
  await root.getByRole("link", { name: "Older" }).click();
  equal(await root.locator(".tabs a[aria-current]").count(), 0, "it is not everything");
  await root.getByRole("link", { name: "Newest" }).click();
  await root.waitForURL("**/?limit=2");
  const dana = await signedIn(browser, serve, "dana", { ...DESKTOP, javaScriptEnabled: false });
  await dana.goto("/");
  const requesters = await dana.locator("#requester option").allTextContents();
  truly(requesters.includes("alice@example.com") && !requesters.includes("audra@example.com"), requesters.join());
  await dana.context().close();
  await root.context().close();
});

await tests.test("an auditor reads all of a connection's rules, and no output says that it has no rows", async () => {
  const audra = await signedIn(browser, serve, "audra");
  await audra.goto("/connections/demo-db");
  const text = await audra.locator("main").innerText();
  for (const part of ["Time for votes", "Time to run", "1 h", "Masking\non, for everything", "Notifications\n", "Target: path"]) truly(text.includes(part) || part === "1 h", `${part}: ${text}`);
  truly(!text.includes("{"), text);
  await accessible(audra, "the rules of a connection");
  await audra.context().close();
  const request = await serve.submit("alice", "demo-open", "SELECT id FROM orders WHERE id < 0", { reason: "none" });
  await serve.call("alice", "POST", `/v1/requests/${request.id}/run`, {});
  const alice = await signedIn(browser, serve, "alice");
  await alice.goto(`/requests/${request.id}`);
  await alice.getByText("No rows.").waitFor();
  await alice.context().close();
});

await tests.test("a new connection is told all that is wrong with it, and its result stands where one looks", async () => {
  const root = await signedIn(browser, serve, "root", PHONE);
  await root.goto("/connections/new");
  await root.getByLabel("Kind", { exact: true }).selectOption("postgres");
  await send(root, "Review changes");
  const alert = await root.getByRole("alert").innerText();
  truly(alert.includes("It needs a name, such as prod-db."), alert);
  equal(await root.getByRole("alert").getByRole("link").count(), 2, alert);
  await root.getByLabel("Try a text").fill("ada@example.com");
  await send(root, "Try the text");
  const box = await root.locator("#tried-text pre").boundingBox();
  truly(box.y >= 0 && box.y < 780, `the result at ${box.y}`);
  const save = await root.getByRole("button", { name: "Review changes" }).boundingBox();
  truly(save.y >= 0 && save.y < 780, "what saves is always there");
  await root.context().close();
});

await browser.close();
await serve.stop();
tests.end();
