// Makes the screenshots in docs/screenshots: `node tests/browser/screenshots.mjs [FOLDER]`.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DESKTOP, PHONE, Serve, launch, signedIn } from "./lib.mjs";

const folder = process.argv[2] ?? fileURLToPath(new URL("../../docs/screenshots", import.meta.url));
mkdirSync(folder, { recursive: true });
const serve = await Serve.start({ COUNTERSIGN_SEAL_SECONDS: "2" });
const browser = await launch();

const COMMAND = `-- INC-1234: sessions of the old login service
DELETE FROM orders
WHERE customer_id IN (SELECT id FROM customers WHERE created_at < '2020-01-01')
  AND note = 'gift'`;

await serve.submit("alice", "demo-db", "SELECT count(*) FROM customers", { reason: "INC-1200 how many are there" });
const before = await serve.submit("alice", "demo-dual", COMMAND.replace("AND note = 'gift'", "AND total < 5"), { reason: "INC-1234 clean-up" });
await serve.call("sam", "POST", `/v1/requests/${before.id}/reject`, { digest: before.digest, reason: "only the gifts, please" });
const run = await serve.submit("alice", "demo-db", "SELECT id, name, email, phone, card FROM customers ORDER BY id LIMIT 8", { reason: "INC-1240 check the import" });
await serve.call("dana", "POST", `/v1/requests/${run.id}/approve`, { digest: run.digest });
await serve.call("alice", "POST", `/v1/requests/${run.id}/run`, {});
const pending = await serve.submit("alice", "demo-dual", COMMAND, { reason: "INC-1234 clean-up", timeout_seconds: 1500 });
await serve.call("dana", "POST", `/v1/requests/${pending.id}/approve`, { digest: pending.digest, comment: "looked at the rows", bounds: { max_rows: 500 } });

await serve.call("root", "POST", "/v1/webhooks", { name: "Ticket system", url: "https://hooks.example.com/countersign", enabled: false });
// The numbers and the log take what is sealed.
const sealed = async () => (await serve.call("audra", "GET", "/v1/analytics")).body.counts.submitted > 0;
while (!(await sealed())) await new Promise((done) => setTimeout(done, 1000));

const shots = [
  ["requests", "sam", DESKTOP, "/", "light"],
  ["request", "sam", DESKTOP, `/requests/${pending.id}`, "light"],
  ["request-phone", "sam", PHONE, `/requests/${pending.id}`, "dark"],
  ["requests-phone", "sam", PHONE, "/", "dark"],
  ["output", "alice", DESKTOP, `/requests/${run.id}`, "light"],
  ["connections", "root", DESKTOP, "/connections", "light"],
  ["people", "root", DESKTOP, "/people", "dark"],
  ["account", "alice", DESKTOP, "/account", "light"],
  ["integrations", "root", DESKTOP, "/integrations", "light"],
  ["analytics", "audra", DESKTOP, "/analytics", "light"],
  ["audit", "audra", DESKTOP, "/audit", "light"],
];
for (const [name, who, options, path, colorScheme] of shots) {
  const page = await signedIn(browser, serve, who, { ...options, colorScheme });
  await page.goto(path);
  await page.screenshot({ path: `${folder}/${name}.png` });
  await page.context().close();
}
const alice = await signedIn(browser, serve, "alice");
await alice.goto("/requests/new?connection=demo-dual");
await alice.getByLabel("Command", { exact: true }).fill(COMMAND);
await alice.getByLabel("Reason").fill("INC-1234 clean-up");
await alice.getByRole("button", { name: "Check" }).click();
await alice.getByText("If you send this").waitFor();
await alice.screenshot({ path: `${folder}/new-request.png` });
await alice.context().close();
const root = await signedIn(browser, serve, "root", { viewport: { width: 1280, height: 1400 } });
await root.goto("/connections/demo-dual");
await root.getByRole("group", { name: "Who may use it" }).getByLabel("dba-team").check();
await root.getByRole("button", { name: "Add a rule" }).click();
await root.getByRole("group", { name: "Rule 1" }).waitFor();
await root.getByRole("button", { name: "Review changes", exact: true }).click();
await root.getByText("If you save this").waitFor();
await root.screenshot({ path: `${folder}/connection.png` });
await root.context().close();
const nobody = await (await browser.newContext({ ...DESKTOP, baseURL: serve.url })).newPage();
await nobody.goto("/sign-in");
await nobody.screenshot({ path: `${folder}/sign-in.png` });
await browser.close();
await serve.stop();
process.exit();
