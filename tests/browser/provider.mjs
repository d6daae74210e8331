// A certified OpenID provider on this machine, with keys that the tests know.
import { createHmac, createPublicKey, generateKeyPairSync, randomInt, sign } from "node:crypto";
import { createServer } from "node:net";
import Provider from "oidc-provider";

// A port that nothing listens on, below those that the system gives to programs that ask for any: until it is used, no
// other test gets it.
export async function freePort() {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer();
    const free = await new Promise((done) => {
      server.once("error", () => done(false));
      server.listen(port, "127.0.0.1", () => done(true));
    });
    if (!free) continue;
    await new Promise((done) => server.close(done));
    return port;
  }
}

export function newKey(kid) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" };
}

export class Issuer {
  // Who is in which groups; read anew at each sign-in.
  groups = new Map();

  static async start(port, keys, redirectUri) {
    const issuer = Object.assign(new Issuer(), { port, url: `http://127.0.0.1:${port}`, redirectUri });
    await issuer.run(keys);
    return issuer;
  }

  async run(keys) {
    this.keys = keys;
    const provider = new Provider(this.url, {
      jwks: { keys },
      clients: [{
        client_id: "countersign", client_secret: "a secret of the tests + /", redirect_uris: [this.redirectUri],
        grant_types: ["authorization_code"], response_types: ["code"],
      }],
      pkce: { required: () => true },
      claims: { openid: ["sub"], email: ["email"], profile: ["name"], groups: ["groups"] },
      scopes: ["openid", "email", "profile", "groups"],
      cookies: { keys: ["of the tests"] },
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({ sub: id, email: `${id}@corp.example`, name: id.toUpperCase(), groups: this.groups.get(id) ?? [] }),
      }),
    });
    provider.on("server_error", (_, error) => console.error("provider:", error));
    this.server = provider.listen(this.port, "127.0.0.1");
    await new Promise((done) => this.server.once("listening", done));
  }

  // The same issuer with other keys: what a rotation looks like from outside.
  async rotate(keys) {
    await this.stop();
    await this.run(keys);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

// What a service is told of an issuer.
export const environment = (issuer) => ({
  COUNTERSIGN_OIDC_ISSUER: issuer.url,
  COUNTERSIGN_OIDC_CLIENT_ID: "countersign",
  COUNTERSIGN_OIDC_CLIENT_SECRET: "a secret of the tests + /",
  COUNTERSIGN_OIDC_SCOPES: "openid email profile groups",
  COUNTERSIGN_OIDC_AUDIENCE: "https://countersign.example/api",
  COUNTERSIGN_OIDC_ADMIN_GROUP: "platform-admins",
  COUNTERSIGN_OIDC_AUDITOR_GROUP: "audit",
});

// A browser of somebody's own, signed in through the issuer.
export async function signInAt(issuer, browser, serve, who, options, next) {
  const page = await (await browser.newContext({ ...options, baseURL: serve.url })).newPage();
  page.setDefaultTimeout(20_000);
  const here = (url) => url.host === new URL(serve.url).host;
  await page.goto(next);
  await page.getByRole("button", { name: /^Sign in with/ }).click();
  await page.locator("input[name=login]").fill(who);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  // Consent; where it was given before there is none.
  await page.waitForURL((url) => here(url) || url.pathname.startsWith("/interaction"));
  if (!here(new URL(page.url()))) await page.locator("button[type=submit]").click();
  await page.waitForURL(here);
  return page;
}

const base64url = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

// A token as the issuer would sign it, or as somebody else would like it to have been.
export function token(claims, { key, alg = "RS256", header = {} }) {
  const head = base64url({ alg, typ: "at+jwt", ...(key ? { kid: key.kid } : {}), ...header });
  const text = `${head}.${base64url(claims)}`;
  if (alg === "none") return `${text}.`;
  if (alg === "HS256") {
    // The confusion of RFC 8725, 2.1: the public key as if it were a shared secret.
    const pem = createPublicKey({ key, format: "jwk" }).export({ type: "spki", format: "pem" });
    return `${text}.${createHmac("sha256", pem).update(text).digest("base64url")}`;
  }
  return `${text}.${sign("sha256", Buffer.from(text), { key, format: "jwk" }).toString("base64url")}`;
}
