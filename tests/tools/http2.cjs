// An HTTP/2 service that does what a request's `x-test-do` says (tests/README.md).
// Started with {streams?: most at once on one connection, tls?: {cert, key}, http1?: whether it speaks that instead}.
// Told {}, it says what it saw so far.
'use strict'

const http2 = require('node:http2')
const { listen, talk } = require('./lines.cjs')

const told = JSON.parse(process.argv[2])
const settings = told.streams ? { maxConcurrentStreams: told.streams } : {}
const server = told.tls
  ? told.http1 ? require('node:https').createServer(told.tls) : http2.createSecureServer({ ...told.tls, settings })
  : http2.createServer({ settings })

// Connections and streams, those that are open, the most streams that one connection had, and how streams were ended.
const saw = { connections: 0, open: 0, streams: 0, active: 0, most: 0, resets: [], http1: 0 }
const ids = new Map()

const DO = {
  answer: (stream, head, body) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json', 'x-test-connection': `${ids.get(stream.session)}` })
    stream.end(JSON.stringify({ ...head, body, connection: ids.get(stream.session) }))
  },
  trailers: (stream, head, body, trailers) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-test-sum': `${body.length}`, 'x-test-got': trailers['x-test-sum'] ?? '' }))
    stream.end('whole')
  },
  // A known length and trailers: HTTP/2 allows both.
  counted: (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain', 'content-length': 5 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-test-sum': '5' }))
    stream.end('whole')
  },
  goaway: (stream, head, body) => {
    stream.session.goaway(0)
    DO.answer(stream, head, body)
  },
  wait: (stream, head, body) => setTimeout(() => DO.answer(stream, head, body), 150),
  hang: () => {}
}

// These do not wait for the request's body.
const EARLY = {
  refuse: (stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM),
  reset: (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' })
    stream.write('half', () => setTimeout(() => stream.destroy(new Error('as told')), 50))
  },
  // RST_STREAM without an error, inside the body.
  close: (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' })
    stream.write('half', () => setTimeout(() => stream.destroy(), 50))
  },
  early: (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' })
    stream.end('early')
  },
  half: (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' })
    stream.write('half')
  }
}

const open = new Map()
server.on('session', (session) => {
  ids.set(session, saw.connections++)
  saw.open++
  open.set(session, 0)
  session.on('error', () => {})
  session.on('close', () => { saw.open-- })
})
server.on('stream', (stream, head, flags, raw) => {
  const session = stream.session
  saw.streams++
  saw.active++
  open.set(session, open.get(session) + 1)
  saw.most = Math.max(saw.most, open.get(session))
  stream.on('error', () => {})
  stream.on('close', () => {
    saw.active--
    open.set(session, open.get(session) - 1)
    if (stream.rstCode) saw.resets.push(stream.rstCode)
  })
  const what = head['x-test-do'] ?? 'answer'
  if (EARLY[what]) return EARLY[what](stream)
  const names = raw.filter((_, at) => at % 2 === 0)
  let body = ''
  let trailers = {}
  stream.on('trailers', (some) => { trailers = some })
  stream.on('data', (some) => { body += some })
  stream.on('end', () => stream.aborted || DO[what](stream, { ...head, names }, body, trailers))
})
// For HTTP/1.1 alone: it would read the streams of HTTP/2 too.
if (told.http1) server.on('request', (request, response) => {
  saw.http1++
  response.end(JSON.stringify({ host: request.headers.host }))
})

listen(server).then((port) => talk({ port }, () => saw))
