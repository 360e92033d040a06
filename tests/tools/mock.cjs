// oauth2-mock-server with keys that change while it runs (tests/README.md). Told
// {do: 'publish', kids}: serves these keys and no others, making those it does not have;
// {do: 'token', kid, claims}: signs, whether or not the key is served;
// {do: 'fetches'}: how often the key set was asked for.
'use strict'

const http = require('node:http')
const { OAuth2Issuer, OAuth2Service } = require('oauth2-mock-server')
const { listen, talk } = require('./lines.cjs')

const made = new Map()
let fetches = 0
let service
let url

// Its keys do not say what they are for, as those of issuers in the field do.
async function key (kid) {
  if (!made.has(kid)) made.set(kid, { ...await new OAuth2Issuer().keys.generate('RS256', { kid }), use: 'sig' })
  return made.get(kid)
}

async function issuer (kids) {
  const next = new OAuth2Issuer()
  next.url = url
  for (const kid of kids) await next.keys.add(await key(kid))
  return next
}

const told = {
  publish: async ({ kids }) => { service = new OAuth2Service(await issuer(kids)); return {} },
  token: async ({ kid, claims }) => {
    const scopesOrTransform = (header, payload) => Object.assign(payload, claims)
    return { token: await (await issuer([kid])).buildToken({ kid, scopesOrTransform }) }
  },
  fetches: () => ({ fetches })
}

const server = http.createServer((request, response) => {
  if (request.url === '/jwks') fetches += 1
  service.requestHandler(request, response)
})

listen(server).then(async (port) => {
  url = `http://127.0.0.1:${port}`
  await told.publish({ kids: ['one'] })
  await talk({ port }, (line) => told[line.do](line))
})
