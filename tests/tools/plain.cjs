// A plain Node server, with Node's own limits, that answers with the names of a request's headers
// (tests/README.md). Started with {}.
'use strict'

const http = require('node:http')
const { listen, talk } = require('./lines.cjs')

const server = http.createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(Object.keys(request.headers)))
})
listen(server).then((port) => talk({ port }, () => ({})))
