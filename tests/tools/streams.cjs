// A service whose replies go on for as long as the test says: events, chunks, a long download.
'use strict'

const http = require('node:http')
const { listen, talk } = require('./lines.cjs')

const open = new Set()
const seen = { requests: 0, closed: 0, received: 0, last_event_id: null }

const server = http.createServer((request, response) => {
  const asked = request.headers
  seen.requests++
  seen.last_event_id = asked['last-event-id'] ?? null
  request.on('data', (data) => { seen.received += data.length })
  request.on('error', () => {})
  open.add(response)
  response.on('close', () => { open.delete(response); seen.closed++ })
  // An upload that is still under way gets its reply later, or never.
  if (asked['x-test-reply'] === 'late') return
  const head = { 'content-type': asked['x-test-kind'] ?? 'text/event-stream', 'cache-control': 'no-cache' }
  if (asked['x-test-length']) head['content-length'] = asked['x-test-length']
  response.writeHead(200, head)
  response.flushHeaders()
})
server.requestTimeout = 0

const told = {
  write: ({ text }) => { for (const response of open) response.write(text) },
  end: () => { for (const response of open) response.end() },
  seen: () => {},
}

listen(server).then((port) => talk({ port }, (line) => {
  told[line.do](line)
  return { ...seen, open: open.size }
}))
