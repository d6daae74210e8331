// The form of a connection in a real browser: every field of every kind, rows, tries, and what saving means.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { accessible } from "./axe.mjs";
import { DESKTOP, PHONE, PROGRAM, Serve, Tests, equal, launch, send, signedIn, truly } from "./lib.mjs";

const tests = new Tests();
const serve = await Serve.start();
const browser = await launch();
const NO_SCRIPT = { ...DESKTOP, javaScriptEnabled: false };
const stored = async (name) => (await serve.call("root", "GET", `/v1/connections/${name}`)).body;
const page = (name) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));

// Saves what stands in the form: the first time it says what that means, the second time it is done.
async function save(root, name) {
  await send(root, "Review changes");
  await root.getByText("Nothing is saved yet.").waitFor();
  await send(root, "Save this");
  await root.waitForURL(`**/connections/${name}`);
  equal(await root.getByRole("alert").count(), 0);
}

const same = (got, wanted) => truly(isDeepStrictEqual(got, wanted), `expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
async function pick(root, group) {
  const add = root.locator("details", { hasText: "Add Group" });
  if (!(await add.getByLabel(group).isVisible())) await add.locator("summary").click();
  await add.getByLabel(group).check();
}

for (const [size, options] of [["desktop", NO_SCRIPT], ["phone", { ...PHONE, javaScriptEnabled: false }]]) {
  await tests.test(`a connection gets its approvers by Add Group, and what changes is said before (${size}, scripts off)`, async () => {
    const name = `files-${size}`;
    const root = await signedIn(browser, serve, "root", options);
    await root.goto("/connections/new");
    await root.getByLabel("Name", { exact: true }).fill(name);
    await root.getByLabel("Kind", { exact: true }).selectOption("sqlite");
    equal(await root.getByLabel("Base URL").isVisible(), false, "only the fields of its kind are there");
    await root.getByLabel("Path of the file").fill("demo.db");
    await pick(root, /dba-team/);
    await pick(root, /security-team/);
    await send(root, "Add a rule");
    equal(await root.getByLabel("Path of the file").inputValue(), "demo.db", "what was typed is kept");
    await root.getByRole("group", { name: "Rule 1" }).getByLabel("What it blocks").selectOption("no-drop");
    await root.getByLabel("Try a command").fill("DROP TABLE customers");
    await root.getByLabel("Try a text").fill("write to ada@example.com");
    await send(root, "Review changes");
    const effects = await root.getByRole("status").filter({ hasText: "If you save this" }).innerText();
    truly(effects.includes("4 people"), effects);
    await root.getByText("Blocked by no-drop").waitFor();
    await root.getByText("<EMAIL_ADDRESS>").waitFor();
    equal((await serve.call("root", "GET", `/v1/connections/${name}`)).status, 404, "checked is not saved");
    await send(root, "Save this");
    await root.waitForURL(`**/connections/${name}`);
    const made = await stored(name);
    equal(made.reviewers.join(), "dba-team,security-team");
    equal(JSON.stringify(made.guardrails), '["no-drop"]');
    equal(JSON.stringify(made.target), '{"path":"demo.db"}');
    const alice = await signedIn(browser, serve, "alice", options);
    await alice.goto(`/requests/new?connection=${name}`);
    await alice.getByLabel("Command", { exact: true }).fill("DROP TABLE customers");
    await alice.getByRole("button", { name: "Check" }).click();
    await alice.getByText("A guardrail blocks it").waitFor();
    await alice.getByRole("button", { name: "Send for approval" }).click();
    await alice.getByText("A guardrail blocks this command").waitFor();
    await alice.context().close();
    await root.context().close();
  });
}

await tests.test("every documented configuration that is saved untouched stays as it was", async () => {
  // As docs/configurations.md makes them.
  const commands = readFileSync(page("configurations.md"), "utf8").replaceAll("\\\n", " ").split("\n")
    .filter((line) => line.startsWith("countersign --as root connections create "));
  equal(commands.length, 3);
  const names = [];
  for (const command of commands) {
    const [, ...words] = command.split(/ +/);
    const ran = spawnSync(PROGRAM, words, { env: { PATH: process.env.PATH, COUNTERSIGN_DATA: serve.data, NO_COLOR: "1" }, encoding: "utf8" });
    equal(ran.status, 0, `${command}: ${ran.stderr}`);
    names.push(words[4]);
  }
  // Every list of rules in docs/guardrails.md, and the policy of docs/masking.md.
  const json = (name) => [...readFileSync(page(name), "utf8").matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => JSON.parse(text));
  const made = [
    ...json("guardrails.md").filter(Array.isArray).map((guardrails) => ({ guardrails })),
    ...json("masking.md").filter((one) => "entities" in one).map((masking) => ({ masking, masking_key: "env:MASKING_KEY" })),
    { estimate_secret: "env:PLAN", read_secret: "env:READ", auto_approve: "reads", timeout_seconds: 61, run_within_seconds: 7, approvals_per_group: 2, distinct_reviewers: false },
    { target: { application_name: "a b", statement_timeout_seconds: 7, max_rows: 1, max_bytes: 9 }, exempt_groups: ["robots"], allowed_groups: ["dba-team"], admin_auto_approve: false, require_reason: true },
    { masking: { enabled: true, entities: ["PHONE_NUMBER", "IBAN_CODE"], columns: ["a", "b.c"], allow: [" x , y"], style: "keep_last4", styles: { PERSON: "replace" } } },
    { guardrails: [{ name: "own", message: "no", deny: { statement: ["COPY"], written_table: ["a.*"], function: ["f"], words: ["x y", "z,"], pattern: "(?x) a\n b", output_pattern: "\\d", missing_where: true, multiple_statements: true, not_a_read: true, table: [] } }, "read-only"] },
    { notify: [], slack_channels: ["C0123ABCD", "C0456EFGH"], approvals: false, reviewers: [] },
    { kind: "http", secret: null, target: { base_url: "https://api.example.com/v1", headers: { "X-Team": "db", "X-B": "c: d" }, allow: ["10.1.0.0/16", "10.2.0.0/16"] } },
    { kind: "runner", secret: null, target: { program: ["bash", "-c", "cat | sh -s  'x'"], runner: "ops-1" } },
    { kind: "mysql", target: {}, max_rows: 7 },
  ];
  for (const [number, more] of made.entries()) {
    const name = `documented-${number}`;
    const body = { kind: more.kind ?? "postgres", secret: "env:URL", reviewers: ["dba-team"], ...more };
    const answer = await serve.call("root", "PUT", `/v1/connections/${name}`, body);
    if (answer.status === 422 && more.guardrails) {
      // Rules for another kind of command.
      body.kind = "runner"; body.secret = null; body.target = { program: ["bash", "-s"] };
      equal((await serve.call("root", "PUT", `/v1/connections/${name}`, body)).status, 201, JSON.stringify(answer.body));
    } else equal(answer.status, 201, JSON.stringify(answer.body));
    names.push(name);
  }
  const root = await signedIn(browser, serve, "root", NO_SCRIPT);
  const kept = ({ version, warnings, ...rest }) => rest;
  for (const name of names) {
    const before = await stored(name);
    await root.goto(`/connections/${name}`);
    await send(root, "Review changes");
    await root.getByText("Nothing changes.").waitFor();
    await send(root, "Save this");
    await root.waitForURL(`**/connections/${name}`);
    const after = await stored(name);
    same(kept(after), kept(before));
    truly(after.version > before.version, `${name} was saved`);
  }
  await root.context().close();
});

await tests.test("rules are added, changed and removed by rows, without script and without saving", async () => {
  const root = await signedIn(browser, serve, "root", NO_SCRIPT);
  await serve.call("root", "PUT", "/v1/connections/rows", { kind: "sqlite", target: { path: "demo.db" }, reviewers: ["dba-team"], guardrails: ["no-drop", "read-only"] });
  await root.goto("/connections/rows");
  await send(root, "Add a rule");
  const third = root.getByRole("group", { name: "Rule 3" });
  truly(await third.getByLabel("What it blocks").evaluate((one) => one === document.activeElement), "the new row has the focus");
  await third.getByLabel("What it blocks").selectOption("own");
  await third.getByLabel("What the rule is called").fill("payments");
  await third.getByLabel("What the requester is told").fill("ask #finance");
  await third.getByLabel("Tables that are touched").fill("payments\naudit.*");
  await send(root, "Remove rule 2");
  equal(await root.getByRole("group", { name: /^Rule \d$/ }).count(), 2);
  equal(await root.getByRole("group", { name: "Rule 2" }).getByLabel("Tables that are touched").inputValue(), "payments\naudit.*");
  await root.getByLabel("Try a command").fill("SELECT * FROM payments");
  await send(root, "Try the command");
  await root.getByText("Blocked by payments: ask #finance").waitFor();
  equal(JSON.stringify((await stored("rows")).guardrails), '["no-drop","read-only"]', "nothing is saved");
  await save(root, "rows");
  same((await stored("rows")).guardrails, ["no-drop", { name: "payments", message: "ask #finance", deny: { table: ["payments", "audit.*"] } }]);
  await root.context().close();
});

await tests.test("a runner's allowed commands are fields, and an entry with any option is warned of", async () => {
  const root = await signedIn(browser, serve, "root", NO_SCRIPT);
  await serve.call("root", "PUT", "/v1/connections/listed", { kind: "runner", target: { program: ["bash", "-s"] }, reviewers: ["dba-team"] });
  await root.goto("/connections/listed");
  await send(root, "Add a rule");
  const rule = root.getByRole("group", { name: "Rule 1" });
  equal(await rule.getByLabel("What it blocks").inputValue(), "only", "recommended for runners");
  await rule.getByLabel("What the rule is called").fill("listed");
  await rule.getByLabel("Commands that may run").fill("kubectl get -n=\ntar *");
  await rule.getByLabel("Variables that may be set").fill("NS");
  await root.getByLabel("Try a command").fill("rm -rf /srv");
  await send(root, "Try the command");
  await root.getByText("Blocked by listed").waitFor();
  await rule.getByText("allows any option").waitFor();
  await save(root, "listed");
  same((await stored("listed")).guardrails, [{ name: "listed", only: { commands: ["kubectl get -n=", "tar *"], variables: ["NS"] } }]);
  await root.getByText("may run code or write files").waitFor();
  await rule.getByLabel("Commands that may run").fill("PATH=x ls");
  await send(root, "Review changes");
  await rule.getByText("expected a program first").waitFor();
  await root.context().close();
});

await tests.test("a row limit is a field, and shown to who decides and who asks", async () => {
  const root = await signedIn(browser, serve, "root", NO_SCRIPT);
  await serve.call("root", "PUT", "/v1/connections/limited", { kind: "sqlite", target: { path: "demo.db" }, reviewers: ["dba-team"] });
  await root.goto("/connections/limited");
  await root.getByLabel("Rows that a request may change").fill("many");
  await send(root, "Review changes");
  await root.getByText("Expected a number of rows").first().waitFor();
  await root.getByLabel("Rows that a request may change").fill("25");
  await save(root, "limited");
  equal((await stored("limited")).max_rows, 25);
  const request = await serve.submit("alice", "limited", "DELETE FROM customers WHERE id = 7");
  await root.goto(`/requests/${request.id}`);
  await root.getByText("at most 25 rows changed").waitFor();
  const alice = await signedIn(browser, serve, "alice", NO_SCRIPT);
  await alice.goto("/requests/new?connection=limited");
  await alice.getByLabel("Command", { exact: true }).fill("SELECT 1;\n  SELEKT 2");
  await send(alice, "Check");
  await alice.getByText("in line 2, column 3").waitFor();
  await alice.getByLabel("Command", { exact: true }).fill("DELETE FROM customers WHERE id = 7");
  await send(alice, "Check");
  await alice.getByText("These people can approve it now").waitFor();
  await alice.getByText("at most 25 rows changed").waitFor();
  await alice.context().close();
  await root.context().close();
});

await tests.test("Enter in a field checks, and removes nothing", async () => {
  const root = await signedIn(browser, serve, "root", NO_SCRIPT);
  await root.goto("/connections/rows");
  await Promise.all([root.waitForEvent("load"), root.getByLabel("Time for votes, in minutes").press("Enter")]);
  await root.getByRole("heading", { name: "If you save this" }).waitFor();
  equal(await root.getByRole("group", { name: /^Rule \d$/ }).count(), 2);
  await root.context().close();
});

await tests.test("masking is boxes and lines, and is tried as it stands in the form", async () => {
  const root = await signedIn(browser, serve, "root", NO_SCRIPT);
  await root.goto("/connections/rows");
  await root.getByText("only what is ticked below").click();
  await root.getByLabel("Try a text").fill("ada@example.com 4111 1111 1111 1111");
  await send(root, "Try the text");
  const refused = root.getByRole("alert");
  truly((await refused.innerText()).includes("Tick what is looked for"), await refused.innerText());
  await root.locator("summary", { hasText: "Kinds of data" }).evaluate((summary) => { summary.parentElement.open = true; });
  await root.getByLabel("CREDIT_CARD", { exact: true }).check();
  await root.getByLabel("CREDIT_CARD is replaced").selectOption("keep_last4");
  await root.getByLabel("Columns that are masked whole").fill("orders.note");
  await send(root, "Try the text");
  await root.getByText("ada@example.com **** **** **** 1111", { exact: true }).and(root.locator("pre")).waitFor();
  await save(root, "rows");
  same((await stored("rows")).masking, { enabled: true, entities: ["CREDIT_CARD"], columns: ["orders.note"], styles: { CREDIT_CARD: "keep_last4" } });
  await root.context().close();
});

await tests.test("what is wrong stands at its field, and what was typed stays", async () => {
  const root = await signedIn(browser, serve, "root");
  await root.goto("/connections/new");
  await root.getByLabel("Name", { exact: true }).fill("wrong");
  await root.getByLabel("Kind", { exact: true }).selectOption("http");
  await root.getByLabel("Base URL").fill("ftp://example.com");
  await pick(root, /dba-team/);
  const wrong = async (field, part) => {
    const [answer] = await Promise.all([root.waitForResponse((one) => one.url().endsWith("/save")), send(root, "Review changes")]);
    equal(answer.status(), 422);
    equal(await field.getAttribute("aria-invalid"), "true");
    const ids = (await field.getAttribute("aria-describedby")).split(" ");
    const said = await root.locator(`#${ids[0]}`).innerText();
    truly(said.includes(part), said);
    await accessible(root, `an error: ${part}`);
    // The summary leads there.
    await root.getByRole("alert").getByRole("link").click();
    truly(await field.evaluate((one) => location.hash === `#${one.id}`), "the link leads to the field");
  };
  await wrong(root.getByLabel("Base URL"), "https");
  equal(await root.getByLabel("Base URL").inputValue(), "ftp://example.com");
  await root.getByLabel("Base URL").fill("https://api.example.com");
  await root.getByText("Limits of a run").click();
  await root.getByLabel("Rows that are kept").fill("very many");
  await wrong(root.getByLabel("Rows that are kept"), "whole number");
  equal(await root.getByLabel("Rows that are kept").inputValue(), "very many");
  await root.getByLabel("Rows that are kept").fill("10");
  await send(root, "Add a rule");
  await root.getByRole("group", { name: "Rule 1" }).getByLabel("What it blocks").selectOption("own");
  await root.getByLabel("What the rule is called").fill("x");
  await root.locator("summary", { hasText: "Writes, functions" }).click();
  await root.getByLabel("Regular expression over the command").fill("(");
  await wrong(root.getByLabel("Regular expression over the command"), "regular expression");
  await root.getByLabel("Regular expression over the command").fill("drop");
  await root.getByLabel("Secret", { exact: true }).fill("hunter2");
  await wrong(root.getByLabel("Secret", { exact: true }), "env:");
  equal((await serve.call("root", "GET", "/v1/connections/wrong")).status, 404);
  await root.context().close();
});

await tests.test("it says who is asked from now on, and whom it ends for", async () => {
  const root = await signedIn(browser, serve, "root", NO_SCRIPT);
  await serve.call("root", "PUT", "/v1/connections/whom", { kind: "sqlite", target: { path: "demo.db" }, reviewers: ["dba-team"] });
  await root.goto("/connections/whom");
  await pick(root, /security-team/);
  await root.getByRole("group", { name: "Who may use it" }).getByLabel("dba-team").check();
  await root.getByRole("group", { name: "Exempt" }).getByLabel("security-team").check();
  await send(root, "Review changes");
  const said = await root.getByRole("status").filter({ hasText: "If you save this" }).innerText();
  truly(/Asked from now on: .*sam@example\.com/.test(said), said);
  truly(/May no longer use it: .*alice@example\.com/.test(said), said);
  truly(/Ask nobody from now on: .*sam@example\.com/.test(said), said);
  await root.context().close();
});

await tests.test("what somebody else has saved meanwhile is shown and not overwritten", async () => {
  const root = await signedIn(browser, serve, "root", NO_SCRIPT);
  await root.goto("/connections/whom");
  const now = await serve.call("root", "GET", "/v1/connections/whom");
  equal((await serve.call("root", "PUT", "/v1/connections/whom", { ...now.body, require_reason: true }, { "if-match": now.headers.get("etag") })).status, 200);
  await root.getByLabel("Approvals of each group").fill("2");
  await send(root, "Review changes");
  await root.getByText("Somebody else has saved this connection meanwhile.").waitFor();
  equal((await stored("whom")).require_reason, true);
  equal(await root.getByLabel("Approvals of each group").inputValue(), "2");
  await root.context().close();
});

await tests.test("reminders in Slack are a setting of the connection's page", async () => {
  const root = await signedIn(browser, serve, "root", NO_SCRIPT);
  await root.goto("/connections/whom");
  await root.getByText("Slack is not set up: nobody is reminded.").waitFor();
  const slack = { bot_token: "env:SLACK_BOT_TOKEN", signing_secret: "env:SLACK_SIGNING_SECRET", app_id: "A0123ABCD", team_id: "T0123ABCD" };
  equal((await serve.call("root", "PUT", "/v1/integrations/slack", slack)).status, 200);
  const reminders = async () => (await serve.call("root", "GET", "/v1/integrations/slack")).body.settings.reminders ?? {};
  await root.goto("/connections/whom");
  await root.getByLabel("The first one after so many minutes").fill("never");
  await send(root, "Save reminders");
  equal(await root.getByLabel("The first one after so many minutes").getAttribute("aria-invalid"), "true");
  await root.getByLabel("The first one after so many minutes").fill("5");
  await root.getByLabel("How many").fill("2");
  await send(root, "Save reminders");
  same(await reminders(), { whom: { first_seconds: 300, most: 2 } });
  await send(root, "As everywhere");
  same(await reminders(), {});
  await root.context().close();
});

await tests.test("a connection is tested from its page, and its document can be read", async () => {
  const root = await signedIn(browser, serve, "root", NO_SCRIPT);
  await root.goto("/connections/demo-db");
  await root.getByRole("button", { name: "Test it" }).click();
  await root.getByRole("heading", { name: "It works" }).waitFor();
  await root.getByText("As JSON", { exact: true }).click();
  truly((await root.getByRole("group", { name: "The connection as JSON" }).innerText()).includes('"kind": "sqlite"'), "the document");
  const alice = await signedIn(browser, serve, "alice");
  await alice.goto("/connections/demo-db");
  equal(await alice.getByRole("button", { name: "Test it" }).count(), 0);
  for (const open of [root, alice]) await open.context().close();
});

await tests.test("axe-core finds nothing with every part of the form open", async () => {
  const wrong = [];
  for (const [size, options] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    const root = await signedIn(browser, serve, "root", options);
    for (const path of ["/connections/new", "/connections/rows", "/connections/whom", "/connections/documented-0"]) {
      await root.goto(path);
      await root.evaluate(() => { for (const one of document.querySelectorAll("details")) one.open = true; });
      await accessible(root, `${path}, ${size}`).catch((error) => wrong.push(error.message));
      const wide = await root.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) wrong.push(`${path}, ${size}: ${wide} pixels wider than the screen`);
    }
    await root.context().close();
  }
  truly(wrong.length === 0, wrong.join("\n"));
});

await browser.close();
await serve.stop();
tests.end();
