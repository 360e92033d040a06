// oidc-provider, a certified identity provider (tests/README.md). Told
// {do: 'login', user, resource}: logs in by the authorization code flow with PKCE, over HTTP;
// {do: 'machine', resource}: asks the token endpoint with client credentials;
// {do: 'stop'}: goes away; {do: 'start'}: comes back at the same port, with other keys.
'use strict'

const crypto = require('node:crypto')
const http = require('node:http')
const { pathToFileURL } = require('node:url')
const { listen, talk } = require('./lines.cjs')

// It speaks of its defaults on standard output, which is the test's.
console.info = console.warn = () => {}

const REDIRECT = 'https://app.example.com/callback'
const SCOPES = 'app/read app/write'
const clients = [
  { client_id: 'web', token_endpoint_auth_method: 'none', redirect_uris: [REDIRECT], id_token_signed_response_alg: 'ES256' },
  { client_id: 'machine', client_secret: 'machine-secret', token_endpoint_auth_method: 'client_secret_post', grant_types: ['client_credentials'], redirect_uris: [], response_types: [], id_token_signed_response_alg: 'ES256' }
]

let generation = 0
let server
let port = 0
const url = () => `http://127.0.0.1:${port}`

function key () {
  generation += 1
  const { privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), kid: `key-${generation}`, use: 'sig', alg: 'ES256' }
}

// Access tokens are JWTs (RFC 9068) for the resource that was asked for.
const resourceIndicators = {
  enabled: true,
  getResourceServerInfo: (_, resource) => ({ scope: SCOPES, audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
  useGrantedResource: () => true
}

// Nobody is asked for consent.
async function grant (provider, context) {
  const { client, session, params } = context.oidc
  const given = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  given.addOIDCScope('openid')
  given.addResourceScope(params.resource, SCOPES)
  await given.save()
  return given
}

async function provider () {
  const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')))
  const made = new Provider(url(), {
    clients,
    jwks: { keys: [key()] },
    cookies: { keys: ['of-a-test'] },
    features: { devInteractions: { enabled: false }, clientCredentials: { enabled: true }, resourceIndicators },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    // What this platform's provider knows of its people; of machines the directory knows it.
    extraTokenClaims: (_, token) => token.kind === 'AccessToken' ? { accountId: 'acme', workspaceId: 'acme-prod', userId: token.accountId, role: 'viewer' } : undefined,
    interactions: { url: (_, { uid, params }) => `/interaction/${uid}?user=${params.login_hint}` },
    loadExistingGrant: (context) => grant(made, context)
  })
  return made
}

async function start () {
  // The issuer's name has the port in it, which only a socket knows.
  const handler = { now: (_, response) => response.writeHead(503).end() }
  server = http.createServer((request, response) => handler.now(request, response))
  port = await listen(server, port)
  const made = await provider()
  const answer = made.callback()
  handler.now = (request, response) => {
    const { pathname, searchParams } = new URL(request.url, url())
    if (!pathname.startsWith('/interaction/')) return answer(request, response)
    // Whoever comes is logged in.
    made.interactionFinished(request, response, { login: { accountId: searchParams.get('user') } })
  }
  return {}
}

async function token (form) {
  const reply = await fetch(`${url()}/token`, { method: 'POST', body: new URLSearchParams(form) })
  const said = await reply.json()
  if (!said.access_token) throw new Error(JSON.stringify(said))
  return { token: said.access_token, id: said.id_token }
}

// A browser: follows redirects with its cookies, up to the application's own address.
async function browse (at) {
  const jar = new Map()
  while (!at.startsWith(REDIRECT)) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const reply = await fetch(at, { redirect: 'manual', headers: { cookie } })
    for (const line of reply.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      jar.set(name, value)
    }
    if (!reply.headers.has('location')) throw new Error(`${at}: ${reply.status} ${await reply.text()}`)
    at = new URL(reply.headers.get('location'), at).href
  }
  return new URL(at).searchParams
}

async function login ({ user, resource }) {
  const verifier = crypto.randomBytes(32).toString('base64url')
  const challenge = crypto.createHash('sha256').update(verifier).digest('base64url')
  const asked = new URLSearchParams({ client_id: 'web', response_type: 'code', redirect_uri: REDIRECT, scope: `openid ${SCOPES}`, resource, login_hint: user, code_challenge: challenge, code_challenge_method: 'S256' })
  const back = await browse(`${url()}/auth?${asked}`)
  if (!back.has('code')) throw new Error(back.toString())
  return token({ grant_type: 'authorization_code', client_id: 'web', redirect_uri: REDIRECT, code: back.get('code'), code_verifier: verifier, resource })
}

const told = {
  start,
  stop: async () => { server.closeAllConnections(); await new Promise((resolve) => server.close(resolve)); return {} },
  login,
  machine: ({ resource }) => token({ grant_type: 'client_credentials', client_id: 'machine', client_secret: 'machine-secret', scope: SCOPES, resource })
}

start().then(() => talk({ port }, (line) => told[line.do](line)))
