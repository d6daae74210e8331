// Webhooks, Slack and Teams as an admin sets them up.
import { DESKTOP, PHONE, Serve, Tests, equal, launch, receiver, send, signedIn, truly } from "./lib.mjs";

const tests = new Tests();
const serve = await Serve.start();
const browser = await launch();

for (const [size, options] of [["desktop", DESKTOP], ["phone", PHONE]]) {
  await tests.test(`a webhook is made, tested, replayed, given a new secret, changed and deleted without script (${size})`, async () => {
    const hook = await receiver();
    const root = await signedIn(browser, serve, "root", { ...options, javaScriptEnabled: false });
    await root.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Integrations" }).click();
    await root.getByRole("link", { name: "New webhook" }).click();
    await root.getByLabel("Name", { exact: true }).fill(`hook-${size}`);
    await root.getByLabel("Address").fill(hook.url);
    await root.getByLabel("request.created").check();
    await root.getByLabel("Headers that are sent along").fill("X-Extra: yes");
    await root.getByRole("button", { name: "Make it" }).click();
    const secret = (await root.locator("pre.text").innerText()).trim();
    truly(secret.startsWith("whsec_"), secret);
    const made = (await serve.call("root", "GET", "/v1/webhooks?limit=200")).body.items.find((one) => one.name === `hook-${size}`);
    const page = `/integrations/webhooks/${made.id}`;
    equal(made.events.join(), "request.created");
    await root.goto(page);
    truly(!(await root.content()).includes(secret), "it is not shown again");
    await send(root, "Send a test");
    const arrived = async (count) => { while (hook.got.length < count) await root.waitForTimeout(20); };
    await arrived(1);
    equal(hook.got[0].body.type, "webhook.test");
    equal(hook.got[0].extra, "yes");
    // The log is written after the receiver has answered.
    while (await root.locator(".badge.approved", { hasText: "delivered" }).count() === 0) await root.goto(page);
    truly((await root.locator("table").first().innerText()).includes("thanks"), "the answer");
    await send(root, /^Replay webhook.test/);
    await arrived(2);
    equal(hook.got[1].id, hook.got[0].id, "the same delivery");
    await root.getByRole("button", { name: "Make a new secret" }).click();
    const next = (await root.locator("pre.text").innerText()).trim();
    truly(next.startsWith("whsec_") && next !== secret, "another secret");
    // What the page was opened with is not the newest: it is not overwritten.
    await root.goto(page);
    const other = await serve.call("root", "GET", `/v1/webhooks/${made.id}`);
    const changed = { ...other.body, name: `other-${size}` };
    equal((await serve.call("root", "PUT", `/v1/webhooks/${made.id}`, changed, { "if-match": other.headers.get("etag") })).status, 200);
    await send(root, "Save");
    await root.getByRole("alert").getByText("look at it again").waitFor();
    await root.goto(page);
    equal(await root.getByLabel("Name", { exact: true }).inputValue(), `other-${size}`);
    await root.getByLabel("request.created").uncheck();
    await root.getByLabel("It is told of events").uncheck();
    await send(root, "Save");
    const now = (await serve.call("root", "GET", `/v1/webhooks/${made.id}`)).body;
    equal(now.enabled, false);
    equal(now.events.length, 0);
    equal(now.headers["X-Extra"] ?? now.headers["x-extra"], "yes");
    await root.getByText("Delete this webhook").click();
    await send(root, "Delete");
    equal((await serve.call("root", "GET", `/v1/webhooks/${made.id}`)).status, 404);
    await root.context().close();
    hook.stop();
  });
}

await tests.test("Slack and Teams are set up, and what the form does not have stays", async () => {
  const root = await signedIn(browser, serve, "root");
  await root.goto("/integrations");
  const fill = async (token) => {
    await root.getByLabel("Reference to the bot's token").fill(token);
    await root.getByLabel("Reference to the signing secret").fill("env:SLACK_SIGNING_SECRET");
    await root.getByLabel("App's id").fill("A0123ABCD");
    await root.getByLabel("Workspace's id").fill("T0123ABCD");
    await root.getByLabel("Default channels").fill("C0123ABCD, C0456EFGH");
    await send(root, "Save Slack");
  };
  await fill("xoxb-a-real-secret");
  await root.getByRole("alert").waitFor();
  equal((await serve.call("root", "GET", "/v1/integrations/slack")).body.version, 0, "a secret itself is refused");
  await root.goto("/integrations");
  await fill("env:SLACK_BOT_TOKEN");
  const made = await serve.call("root", "GET", "/v1/integrations/slack");
  equal(made.body.settings.default_channels.join(), "C0123ABCD,C0456EFGH");
  const reminders = { "demo-db": { first_seconds: 300, most: 2 } };
  const more = await serve.call("root", "PUT", "/v1/integrations/slack", { ...made.body.settings, reminders }, { "if-match": made.headers.get("etag") });
  await root.goto("/integrations");
  await root.getByText("Settings of Slack").click();
  await root.getByLabel("People are told through Slack").uncheck();
  await send(root, "Save Slack");
  const now = (await serve.call("root", "GET", "/v1/integrations/slack")).body;
  equal(now.settings.enabled, false);
  equal(JSON.stringify(now.settings.reminders), JSON.stringify(more.body.settings.reminders));
  await root.getByLabel("Reference to the workflow's address").fill("env:TEAMS_WEBHOOK_URL");
  await send(root, "Save Teams");
  equal((await serve.call("root", "GET", "/v1/integrations/teams")).body.settings.webhook_url, "env:TEAMS_WEBHOOK_URL");
  await send(root, "Test Teams");
  // The reference leads nowhere here: the log says so.
  while (!/TEAMS_WEBHOOK_URL/.test(await root.locator("section[aria-labelledby=teams] table").innerText())) await root.goto("/integrations");
  await root.getByText("Settings of Teams").click();
  await root.getByLabel("People are told through Teams").uncheck();
  await send(root, "Save Teams");
  equal((await serve.call("root", "GET", "/v1/integrations/teams")).body.settings.enabled, false);
  await root.context().close();
});

await tests.test("integrations are for admins, numbers and the log for auditors too", async () => {
  for (const [who, allowed] of [["alice", []], ["dana", []], ["audra", ["/analytics", "/audit"]], ["root", ["/integrations", "/analytics", "/audit"]]]) {
    const page = await signedIn(browser, serve, who);
    for (const path of ["/integrations", "/integrations/webhooks/new", "/analytics", "/audit"]) {
      const may = allowed.some((one) => path.startsWith(one));
      equal((await page.request.get(path, { headers: { accept: "text/html" } })).status(), may ? 200 : 403, `${who} ${path}`);
      if (path.split("/").length === 2) equal(await page.locator(`nav a[href="${path}"]`).count(), may ? 1 : 0, `${who} ${path} in the navigation`);
    }
    await page.context().close();
  }
});

await browser.close();
await serve.stop();
tests.end();
