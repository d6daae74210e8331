// The whole way, through a certified provider, on a desktop and a phone, with scripts and without: sign in,
// configure approvers by Add Group, submit, approve as two people, run, read the masked output, filter by
// Pending, open details, analytics, export, a test of a webhook.
import { readFileSync } from "node:fs";
import { DESKTOP, PHONE, Serve, Tests, equal, launch, receiver, send, truly } from "./lib.mjs";
import { Issuer, environment, freePort, newKey, signInAt } from "./provider.mjs";

const tests = new Tests();
const port = await freePort();
const issuer = await Issuer.start(await freePort(), [newKey("only")], `http://127.0.0.1:${port}/sign-in/callback`);
const serve = await Serve.start({ ...environment(issuer), COUNTERSIGN_SEAL_SECONDS: "2" }, `127.0.0.1:${port}`);
const browser = await launch();
for (const [who, groups] of [["adam", ["platform-admins"]], ["erin", []], ["uma", ["dba-team"]], ["vic", ["security-team"]]]) {
  issuer.groups.set(who, groups);
}

const SIZES = [["desktop", DESKTOP], ["phone", PHONE]];
const names = [];

for (const [size, device] of SIZES) {
  for (const javaScriptEnabled of [true, false]) {
    const scripts = javaScriptEnabled ? "on" : "off";
    await tests.test(`from the sign-in to the webhook (${size}, scripts ${scripts})`, async () => {
      const open = [];
      const signIn = async (who, next) => {
        const page = await signInAt(issuer, browser, serve, who, { ...device, javaScriptEnabled }, next);
        open.push(page);
        return page;
      };
      const name = `journey-${size}-${scripts}`;

      // Approvers by Add Group.
      const admin = await signIn("adam", "/connections");
      await admin.getByRole("link", { name: "New connection" }).click();
      await admin.getByLabel("Name", { exact: true }).fill(name);
      await admin.getByLabel("Kind", { exact: true }).selectOption("sqlite");
      await admin.getByLabel("Path of the file").fill("demo.db");
      const groups = admin.locator("details", { hasText: "Add Group" });
      await groups.getByLabel(/dba-team/).check();
      await groups.getByLabel(/security-team/).check();
      await send(admin, "Review changes");
      await admin.getByRole("heading", { name: "If you save this" }).waitFor();
      await send(admin, "Save this");
      await admin.waitForURL(`**/connections/${name}`);
      names.push(name);

      // Submitted.
      const requester = await signIn("erin", `/requests/new?connection=${name}`);
      await requester.getByLabel("Command", { exact: true }).fill("SELECT name, email, phone FROM customers ORDER BY id LIMIT 4");
      await requester.getByLabel("Reason").fill("INC-9 look");
      await requester.getByRole("button", { name: "Send for approval" }).click();
      await requester.waitForURL("**/requests/req_*");
      const path = new URL(requester.url()).pathname;
      const code = await requester.locator(".bigcode").innerText();
      equal(await requester.getByRole("button", { name: /Approve/ }).count(), 0, "nobody approves their own request");
      await requester.goto("/account");

      // Found by its status, and its details.
      await admin.goto("/");
      await admin.getByText("Filter", { exact: true }).click();
      await admin.getByLabel("Status").selectOption("PENDING");
      await admin.getByLabel("Connection", { exact: true }).fill(name);
      await admin.getByRole("button", { name: "Show", exact: true }).click();
      await admin.waitForURL("**status=PENDING**");
      equal(await admin.locator("a.row").count(), 1);
      equal(await admin.locator("a.row .first .badge").innerText(), "PENDING");
      await admin.locator("a.row").click();
      await admin.waitForURL(`**${path}`);
      truly((await admin.locator("main").innerText()).includes("INC-9 look"), "its reason");
      await admin.goto("/account");

      // Two people.
      for (const [who, wanted] of [["uma", "PENDING"], ["vic", "APPROVED"]]) {
        const reviewer = await signIn(who, "/");
        await reviewer.locator(`a.row[href="${path}"]`).first().click();
        await reviewer.waitForURL(`**${path}`);
        equal(await reviewer.locator(".bigcode").innerText(), code, "the code");
        await reviewer.getByRole("button", { name: `Approve ${code}` }).click();
        await reviewer.getByText(`${who}@corp.example`).first().waitFor();
        equal(await reviewer.locator("h1 .badge").innerText(), wanted);
        // It would look again by itself.
        await reviewer.goto("/account");
      }

      // Run, read, masked.
      await requester.goto(path);
      await requester.getByRole("button", { name: "Run it now" }).click();
      await requester.locator("h1 .badge.succeeded").waitFor();
      const output = await requester.locator("table.output").innerText();
      for (const part of ["<PERSON>", "<EMAIL_ADDRESS>", "<PHONE_NUMBER>"]) truly(output.includes(part), output);
      truly(!output.includes("@example"), output);

      // A webhook, and its test.
      const hook = await receiver();
      await admin.goto("/");
      await admin.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Integrations" }).click();
      await admin.getByRole("link", { name: "New webhook" }).click();
      await admin.getByLabel("Name", { exact: true }).fill(name);
      await admin.getByLabel("Address").fill(hook.url);
      await admin.getByRole("button", { name: "Make it" }).click();
      await admin.locator("pre.text").waitFor();
      await admin.goto("/integrations");
      await admin.getByRole("link", { name: new RegExp(name) }).click();
      await send(admin, "Send a test");
      while (hook.got.length === 0) await admin.waitForTimeout(20);
      equal(hook.got[0].body.type, "webhook.test");
      while (await admin.locator(".badge.approved", { hasText: "delivered" }).count() === 0) await admin.reload();
      hook.stop();
      for (const page of open) await page.context().close();
    });
  }
}

for (const [size, device] of SIZES) {
  await tests.test(`analytics and the export tell of it (${size})`, async () => {
    const admin = await signInAt(issuer, browser, serve, "adam", { ...device, javaScriptEnabled: false }, "/");
    await admin.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Analytics" }).click();
    // Sealing takes what is over a minute old.
    const until = Date.now() + 240_000;
    const told = async () => names.every((name) => text.includes(name));
    let text = "";
    while (!(await told()) && Date.now() < until) {
      await admin.waitForTimeout(1000);
      await admin.goto("/analytics");
      text = await admin.locator("main").innerText();
    }
    for (const part of [...names, "uma@corp.example", "vic@corp.example", "100.0 %"]) truly(text.includes(part), `${part} in ${text}`);
    truly(await admin.locator(".plot svg rect").count() > 0, "a plot");
    await admin.getByRole("link", { name: "as CSV" }).click();
    const [file] = await Promise.all([admin.waitForEvent("download"), admin.getByRole("table").getByRole("link", { name: ".csv" }).click()]);
    const lines = readFileSync(await file.path(), "utf8").trim().split("\n");
    truly(lines[0].startsWith("id,status,connection"), lines[0]);
    for (const name of names) equal(lines.filter((line) => line.includes(`,SUCCEEDED,${name},`)).length, 1, name);
    await admin.context().close();
  });
}

await browser.close();
await serve.stop();
await issuer.stop();
tests.end();
process.exit();
