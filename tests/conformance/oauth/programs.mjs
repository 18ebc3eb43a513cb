// Programs made with openid-client and oauth4webapi.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { ask, inside, ISSUER } from "./inside.mjs";

export const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
export const API = "urn:matrix:client:api:*";
export const options = { [openid.customFetch]: inside };
export const plain = { [oauth.customFetch]: inside };

export const newDevice = () => randomBytes(6).toString("hex").toUpperCase();
export const scopeOf = (device, ...more) => [API, `urn:matrix:client:device:${device}`, ...more].join(" ");

let hosts = 0;

// What a program says of itself.
export function metadata(changes = {}) {
  const base = `https://node${hosts++}.example.com`;
  return {
    client_name: "Messenger",
    client_uri: base,
    redirect_uris: [`${base}/callback`],
    response_types: ["code"],
    grant_types: ["authorization_code", "refresh_token", DEVICE],
    token_endpoint_auth_method: "none",
    application_type: "web",
    ...changes,
  };
}

// A program by openid-client: discovery and registration in one; the signature of ID tokens is checked.
export async function program(changes = {}) {
  const said = metadata(changes);
  const authentications = { client_secret_basic: openid.ClientSecretBasic, client_secret_post: openid.ClientSecretPost };
  const authentication = authentications[said.token_endpoint_auth_method] ?? openid.None;
  const config = await openid.dynamicClientRegistration(ISSUER, said, authentication(), options);
  openid.enableNonRepudiationChecks(config);
  return { config, redirectUri: said.redirect_uris?.[0] };
}

// A program by oauth4webapi, which asks one request at a time.
export async function plainProgram(changes = {}) {
  const discovered = await oauth.discoveryRequest(ISSUER, { algorithm: "oauth2", ...plain });
  const as = await oauth.processDiscoveryResponse(ISSUER, discovered);
  const registered = await oauth.dynamicClientRegistrationRequest(as, metadata(changes), plain);
  const client = await oauth.processDynamicClientRegistrationResponse(registered);
  const { client_secret: secret, token_endpoint_auth_method: method } = client;
  const authentications = { client_secret_basic: oauth.ClientSecretBasic, client_secret_post: oauth.ClientSecretPost };
  return { as, client, auth: authentications[method]?.(secret) ?? oauth.None() };
}

// The whole code flow of somebody; answers the tokens and what was used on the way.
export async function signIn({ config, redirectUri }, { name, parameters = {}, checks = {}, decision = "allow" } = {}) {
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const expectedState = openid.randomState();
  const scope = scopeOf(newDevice());
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    state: expectedState,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    ...parameters,
  });
  const who = name ?? (await ask("newcomer")).name;
  const went = await ask("authorize", { name: who, url: url.href, decision });
  const all = { pkceCodeVerifier, expectedState, ...checks };
  const tokens = await openid.authorizationCodeGrant(config, arrived(went), all);
  return { name: who, tokens, went, scope: parameters.scope ?? scope, checks: all };
}

// What the browser brought to the redirect URI, as the program's page there sees it.
export function arrived({ uri, fields }) {
  if (fields) return new Request(uri, { method: "POST", body: new URLSearchParams(fields) });
  const url = new URL(uri);
  if (url.hash) {
    assert.equal(url.search, "");
    url.search = url.hash.slice(1);
    url.hash = "";
  }
  return url;
}

export const livesAtMatrix = async (token) => {
  const headers = { authorization: `Bearer ${token}` };
  return (await inside(`${ISSUER}_matrix/client/v3/account/whoami`, { headers })).status === 200;
};
