// An Express application that answers with what IT reads of a request (tests/README.md).
// Started with {version: 4|5, query: 'extended'|'simple', apis: [OpenAPI files]}.
'use strict'

const fs = require('node:fs')
const http = require('node:http')
const methodOverride = require('method-override')
const { listen, talk } = require('./lines.cjs')

const told = JSON.parse(process.argv[2])
const express = require(`express${told.version}`)
const app = express()

app.disable('x-powered-by').set('query parser', told.query)
app.use(express.json({ type: ['json', '+json'] }), express.urlencoded({ extended: told.query === 'extended' }))
for (const name of ['X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override', '_method']) app.use(methodOverride(name))
app.use(methodOverride((request) => request.body?._method))

// As the most lenient of applications looks a name up.
const fold = (name) => name.toUpperCase().toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
const MEANINGS = { account: ['accountId', 'account'], workspace: ['workspaceId'], catalog: ['catalogWorkspaceId'], user: ['userId'] }
const IN_HEADERS = { workspace: ['x-workspace-id'] }
const meaning = (name, table) => Object.keys(table).find((kind) => table[kind].map(fold).includes(fold(name)))

// What must never arrive, by whatever spelling: the client's own view of who it is, and overrides.
const STRIPPED = ['x-user-id', 'x-tenant-id', 'x-original-url', 'x-rewrite-url', 'x-http-method', 'x-http-method-override', 'x-method-override'].map(fold)

// The values that a look-up gives: texts, and the elements of a list of texts. A look-up that gives an
// object is an operator to some data base (`{$ne: ..}`), so it stands here whole.
const values = (found) => Array.isArray(found) ? found.flatMap(values) : [typeof found === 'string' ? found : JSON.stringify(found)]

// Every reference in what Express made of a query, a body, parameters or headers, at any depth.
function * references (tree, table) {
  if (tree === null || typeof tree !== 'object') return
  for (const [name, found] of Object.entries(tree)) {
    const kind = Array.isArray(tree) ? undefined : meaning(name, table)
    if (kind) yield * values(found).map((value) => [kind, value])
    yield * references(found, table)
  }
}

function seen (request, operation) {
  const read = { account: [], workspace: [], catalog: [], user: [] }
  for (const tree of [request.params, request.query, request.body]) {
    for (const [kind, value] of references(tree, MEANINGS)) read[kind].push(value)
  }
  for (const [kind, value] of references(request.headers, IN_HEADERS)) read[kind].push(value)
  const names = request.rawHeaders.filter((_, at) => at % 2 === 0)
  return {
    operation,
    method: request.method,
    read,
    stripped: names.filter((name) => STRIPPED.includes(fold(name))),
    // Doubles would be joined in `headers`.
    annotated: ['account', 'workspace', 'context'].map((name) => request.rawHeaders.filter((_, at) => at % 2 === 1 && fold(names[(at - 1) / 2]) === fold(`x-palisade-${name}`))),
    id: request.headers['x-palisade-request-id']
  }
}

function answer (operation) {
  return (request, response) => {
    const line = seen(request, operation)
    if (request.method === 'HEAD') response.set('x-test-seen', Buffer.from(JSON.stringify(line)).toString('base64url'))
    response.json(line)
  }
}

for (const file of told.apis) {
  const api = JSON.parse(fs.readFileSync(file))
  for (const [template, item] of Object.entries(api.paths)) {
    const context = template.split('/')[1]
    const route = app.route(template.replace(/\{(\w+)\}/g, ':$1'))
    for (const [method, { operationId }] of Object.entries(item)) route[method](answer(`${context}/${operationId}`))
  }
}
app.use(answer(null))
// Express knows it by its four parameters.
app.use((error, request, response, next) => response.status(error.status ?? 500).json({ error: error.message }))

listen(http.createServer({ maxHeaderSize: 65536, keepAliveTimeout: 60000 }, app)).then((port) => talk({ port }))
