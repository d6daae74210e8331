// With COUNTERSIGN_ADMIN_FOUR_EYES=on the forms of admins lead to the request that proposes the change.
import { accessible } from "./axe.mjs";
import { DESKTOP, PHONE, Serve, Tests, equal, launch, send, signedIn, truly } from "./lib.mjs";

const tests = new Tests();
const serve = await Serve.start({ COUNTERSIGN_ADMIN_FOUR_EYES: "on" });
const browser = await launch();

for (const [size, options] of [["desktop", DESKTOP], ["phone", PHONE]]) {
  await tests.test(`a changed connection is proposed, and its page says what changes (${size})`, async () => {
    const root = await signedIn(browser, serve, "root", options);
    await root.goto("/connections/demo-db");
    await root.getByText("Here two admins have to agree").waitFor();
    await root.getByLabel("A request must say why").check();
    // The first time it says what that means.
    await root.getByText("There is no other admin").waitFor();
    await send(root, "Review changes");
    await root.getByText("Nothing is saved yet.").waitFor();
    await root.getByRole("button", { name: "Propose this", exact: true }).click();
    await root.waitForURL("**/requests/req_*");
    await root.getByRole("heading", { name: "Change of connection demo-db" }).waitFor();
    const table = await root.locator("section[aria-labelledby=difference] table").innerText();
    truly(/require reason\s+no\s+yes/.test(table), table);
    const text = await root.locator("main").innerText();
    truly(text.includes("root@example.com wants to change the configuration"), text);
    truly(text.includes('"change": "connection.update"'), "the whole of it");
    truly(text.includes("Each request on `demo-db` asks 3 people"), text);
    truly(text.includes("nobody can approve this: there is no other admin"), text);
    equal(await root.getByRole("button", { name: /^Approve/ }).count(), 0, "nobody approves their own");
    const wide = await root.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    equal(wide, 0, "pixels wider than the screen");
    await accessible(root, size);
    equal((await serve.call("root", "GET", "/v1/connections/demo-db")).body.require_reason, false);
    // In a list it is said in words and not as JSON.
    const proposal = new URL(root.url()).pathname;
    await root.goto("/");
    const row = await root.locator(`a.row[href="${proposal}"]`).first().innerText();
    truly(row.includes("Change of connection demo-db: require reason"), row);
    await root.goto(proposal);
    await root.getByRole("button", { name: "Cancel the request" }).click();
    await root.locator(".badge", { hasText: "CANCELLED" }).first().waitFor();
    await root.context().close();
  });
}

await tests.test("roles are proposed, and the connection of proposals is nowhere to be used", async () => {
  const root = await signedIn(browser, serve, "root");
  const sam = serve.demo.users.sam.id;
  await root.goto(`/people/${sam}`);
  await root.getByLabel(/^Admin/).check();
  await root.getByRole("button", { name: "Save" }).click();
  await root.waitForURL("**/requests/req_*");
  truly((await root.locator("main").innerText()).includes("sam@example.com becomes an admin."), "who is affected");
  await root.getByRole("heading", { name: "Change of account sam@example.com" }).waitFor();
  equal((await serve.call("root", "GET", `/v1/users/${sam}`)).body.roles.length, 0);
  for (const path of ["/connections", "/requests/new", "/connections/demo-db"]) {
    await root.goto(path);
    const main = await root.locator("main").innerText();
    truly(!/countersign(-admins)?\b/.test(main), `${path}: ${main}`);
  }
  equal((await root.request.get("/connections/countersign", { headers: { accept: "text/html" } })).status(), 404);
  await root.context().close();
});

await browser.close();
await serve.stop();
tests.end();
