// Signing in through a certified provider, and its tokens at the API.
import { DESKTOP, PHONE, Serve, Tests, equal, launch, truly } from "./lib.mjs";
import { Issuer, environment, freePort, newKey, signInAt, token } from "./provider.mjs";

const tests = new Tests();
const port = await freePort();
const first = newKey("first");
const issuer = await Issuer.start(await freePort(), [first], `http://127.0.0.1:${port}/sign-in/callback`);
const serve = await Serve.start(environment(issuer), `127.0.0.1:${port}`);
const browser = await launch();

const signIn = (who, options = DESKTOP, next = "/account") => signInAt(issuer, browser, serve, who, options, next);

const me = async (page) => (await page.request.get("/v1/me")).json();
const call = (credential, path = "/v1/me", method = "GET", body) => fetch(serve.url + path, {
  method, headers: { authorization: `Bearer ${credential}`, ...(body ? { "content-type": "application/json" } : {}) },
  body: body ? JSON.stringify(body) : undefined,
});

const now = () => Math.floor(Date.now() / 1000);
const claims = (more = {}) => ({
  iss: issuer.url, sub: "erin", aud: "https://countersign.example/api", iat: now(), exp: now() + 300, ...more,
});

await tests.test("a person signs in, gets an account at the first time and their groups at each", async () => {
  issuer.groups.set("erin", ["dba-team", "not a group name!"]);
  const page = await signIn("erin", PHONE);
  const erin = await me(page);
  equal(erin.email, "erin@corp.example");
  equal(erin.name, "ERIN");
  equal(erin.groups.join(), "dba-team");
  equal(erin.roles.length, 0);
  issuer.groups.set("erin", ["security-team", "platform-admins"]);
  const again = await me(await signIn("erin"));
  equal(again.id, erin.id, "the same account");
  equal(again.groups.join(), "platform-admins,security-team");
  equal(again.roles.join(), "admin");
  issuer.groups.set("erin", ["dba-team", "audit"]);
  equal((await me(await signIn("erin"))).roles.join(), "auditor");
});

await tests.test("an e-mail address joins nobody to an account", async () => {
  const id = (await serve.call("root", "GET", "/v1/users?email=dana@example.com")).body.items[0];
  const { status } = await serve.call("root", "PUT", `/v1/users/${id.id}`,
    { email: "mallory@corp.example", name: "Dana", groups: ["dba-team"] }, { "if-match": `"${id.version}"` });
  equal(status, 200);
  const page = await signIn("mallory");
  await page.getByText("accounts are not joined by address").waitFor();
  equal((await page.request.get("/v1/me")).status(), 401);
});

await tests.test("a sign-in belongs to the browser that began it", async () => {
  const page = await (await browser.newContext({ ...DESKTOP, baseURL: serve.url })).newPage();
  const answer = await page.goto("/sign-in/callback?code=stolen&state=somebody-elses");
  equal(answer.status(), 400);
  equal((await page.request.get("/v1/me")).status(), 401);
  // Begun here, but with another state.
  await page.goto("/sign-in");
  await page.getByRole("button", { name: /^Sign in with/ }).click();
  await page.waitForURL((url) => url.pathname.startsWith("/interaction"));
  equal((await page.goto(`${serve.url}/sign-in/callback?code=stolen&state=somebody-elses`)).status(), 400);
});

await tests.test("whoever is disabled does not get in, with a session neither", async () => {
  const page = await signIn("frank");
  const frank = await me(page);
  const { status } = await serve.call("root", "PUT", `/v1/users/${frank.id}`,
    { email: frank.email, name: frank.name, groups: [], disabled: true }, { "if-match": `"${frank.version}"` });
  equal(status, 200);
  equal((await page.request.get("/v1/me")).status(), 403);
  const again = await signIn("frank");
  await again.getByText("the account is disabled").waitFor();
});

await tests.test("an access token of the issuer is taken by every function", async () => {
  const good = token(claims(), { key: first });
  const answer = await call(good);
  equal(answer.status, 200);
  equal((await answer.json()).email, "erin@corp.example");
  const made = await call(good, "/v1/requests", "POST", { connection: "demo-db", command: "SELECT 1" });
  equal(made.status, 201);
  const request = await made.json();
  equal((await call(good, `/v1/requests/${request.id}/cancel`, "POST", {})).status, 200);
});

await tests.test("a token that is not quite right is refused", async () => {
  const other = newKey("other");
  const bad = {
    "another audience": token(claims({ aud: "countersign" }), { key: first }),
    "no audience": token(claims({ aud: undefined }), { key: first }),
    "another issuer": token(claims({ iss: "https://evil.example" }), { key: first }),
    "expired": token(claims({ exp: now() - 120 }), { key: first }),
    "without an end": token(claims({ exp: undefined }), { key: first }),
    "not yet": token(claims({ nbf: now() + 300 }), { key: first }),
    "from the future": token(claims({ iat: now() + 300 }), { key: first }),
    "of nobody": token(claims({ sub: undefined }), { key: first }),
    "alg none": token(claims(), { alg: "none" }),
    "alg none with a kid": token(claims(), { alg: "none", header: { kid: "first" } }),
    "the public key as a secret": token(claims(), { key: first, alg: "HS256" }),
    "somebody else's key under the known name": token(claims(), { key: { ...other, kid: "first" } }),
    "an unknown key": token(claims(), { key: other }),
    "a key of the token's own": token(claims(), { key: { ...other, kid: undefined }, header: { jwk: { kty: "RSA", n: other.n, e: other.e }, kid: undefined } }),
    "a logout token": token(claims(), { key: first, header: { typ: "logout+jwt" } }),
    "one letter changed": token(claims(), { key: first }).replace(/\.(.)([^.]*)$/, (_, letter, rest) => `.${letter === "A" ? "B" : "A"}${rest}`),
    "an assertion made up": "cso_01K5J3V8Q4W7X9YABCDEFGHJKM.99999999999999.AAAA",
  };
  for (const [what, credential] of Object.entries(bad)) {
    const answer = await call(credential);
    equal(answer.status, 401, what);
    truly(answer.headers.get("www-authenticate"), what);
  }
});

await tests.test("clocks may be a minute apart", async () => {
  equal((await call(token(claims({ exp: now() - 30 }), { key: first }))).status, 200, "just over");
  equal((await call(token(claims({ nbf: now() + 30, iat: now() + 30 }), { key: first }))).status, 200, "just before");
});

await tests.test("whoever never signed in has no account to call with", async () => {
  equal((await call(token(claims({ sub: "nobody-yet" }), { key: first }))).status, 401);
});

await tests.test("the issuer's keys may change at any time", async () => {
  const second = newKey("second");
  await issuer.rotate([second, first]);
  equal((await call(token(claims(), { key: second }))).status, 200, "the new key");
  equal((await call(token(claims(), { key: first }))).status, 200, "the old one while it is published");
  await issuer.rotate([second]);
  equal((await call(token(claims(), { key: second }))).status, 200, "still the new key");
  const page = await signIn("erin");
  equal((await me(page)).email, "erin@corp.example");
});

await browser.close();
await serve.stop();
await issuer.stop();
tests.end();
process.exit();
