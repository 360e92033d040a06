// WebSockets by `ws`: a server that echoes and reports, and clients that do as they are told.
// Started with {cert, key} for TLS, else {}; its server listens on `port`. Told {do: ...}, it answers with what happened.
'use strict'

const http = require('node:http')
const https = require('node:https')
const http2 = require('node:http2')
const { once } = require('node:events')
const { WebSocket, WebSocketServer } = require('ws')
const { listen, talk } = require('./lines.cjs')

const MAX = 32 * 1024 * 1024
const served = []
const told = JSON.parse(process.argv[2])
const refuse = (request, response) => response.writeHead(426).end('no WebSocket here')
const server = told.key ? https.createServer(told, refuse) : http.createServer(refuse)
const handleProtocols = (offered) => offered.has('palisade.test') ? 'palisade.test' : false
const sockets = new WebSocketServer({ server, maxPayload: MAX, perMessageDeflate: { threshold: 64 }, handleProtocols })

sockets.on('connection', (socket, request) => {
  const seen = { headers: request.headers, url: request.url, pings: 0, closed: null }
  served.push(seen)
  socket.on('ping', () => { seen.pings += 1 })
  socket.on('close', (code, reason) => { seen.closed = [code, reason.toString()] })
  socket.on('error', (error) => { seen.error = error.message })
  socket.on('message', (data, binary) => {
    const text = binary ? '' : data.toString()
    // Words that stand in no text of the Autobahn cases.
    if (text.startsWith('palisade-close ')) return socket.close(Number(text.slice(15)), 'as asked')
    if (text === 'palisade-terminate') return socket.terminate()
    socket.send(data, { binary })
  })
})

const clients = new Map()

function open ({ name, url, headers, protocols, compress, ca, servername }) {
  const socket = new WebSocket(url, protocols ?? [], { headers, ca, servername, maxPayload: MAX, perMessageDeflate: compress ? { threshold: 64 } : false })
  const client = { socket, messages: [], closed: null, pongs: 0, waiting: [] }
  const wake = () => client.waiting.splice(0).forEach((go) => go())
  clients.set(name, client)
  return new Promise((resolve) => {
    socket.on('open', () => resolve({ opened: true, protocol: socket.protocol, extensions: socket.extensions }))
    socket.on('unexpected-response', (_, response) => { resolve({ opened: false, status: response.statusCode }); response.destroy() })
    socket.on('error', (error) => { client.error = error.message; resolve({ opened: false, error: error.message }); wake() })
    socket.on('message', (data, binary) => { client.messages.push(binary ? data : data.toString()); wake() })
    socket.on('pong', () => { client.pongs += 1; wake() })
    socket.on('close', (code, reason) => { client.closed = [code, reason.toString()]; wake() })
  })
}

// Until `ready` says so; the test's own deadline ends a wait that is in vain.
async function until (client, ready) {
  while (!ready()) await new Promise((resolve) => client.waiting.push(resolve))
}

const commands = {
  open,
  async echo ({ name, count, bytes }) {
    const client = clients.get(name)
    // Not to be compressed away: every byte differs from its neighbours.
    const message = (at) => Buffer.alloc(bytes, 0).map((_, index) => (at * 31 + index * 7 + (index >> 8)) & 255)
    client.messages = []
    for (let at = 0; at < count; at += 1) client.socket.send(message(at))
    await until(client, () => client.messages.length === count || client.closed)
    return { same: client.messages.filter((got, at) => message(at).equals(got)).length }
  },
  async say ({ name, text }) {
    const client = clients.get(name)
    client.messages = []
    client.socket.send(text)
    await until(client, () => client.messages.length > 0 || client.closed)
    return { messages: client.messages, closed: client.closed }
  },
  async fragments ({ name, parts }) {
    const client = clients.get(name)
    client.messages = []
    parts.forEach((part, at) => client.socket.send(part, { fin: at === parts.length - 1 }))
    await until(client, () => client.messages.length > 0 || client.closed)
    return { messages: client.messages }
  },
  async ping ({ name }) {
    const client = clients.get(name)
    const before = client.pongs
    client.socket.ping('here')
    await until(client, () => client.pongs > before || client.closed)
    return { pongs: client.pongs - before }
  },
  async close ({ name, code }) {
    const client = clients.get(name)
    client.socket.close(code, 'enough')
    await until(client, () => client.closed)
    return { closed: client.closed }
  },
  async closed ({ name }) {
    const client = clients.get(name)
    await until(client, () => client.closed)
    return { closed: client.closed }
  },
  // RFC 8441. Frames are written by hand: a mask of zeros leaves a payload as it is.
  async extended ({ url, path, protocol, headers, text, hold }) {
    const session = http2.connect(url)
    try {
      const [settings] = await once(session, 'remoteSettings')
      const stream = session.request({ ...headers, ':method': 'CONNECT', ':protocol': protocol, ':path': path }, { endStream: false })
      const answer = await Promise.race([once(stream, 'response'), once(stream, 'error')])
      const said = { enabled: settings.enableConnectProtocol, status: answer[0][':status'], error: answer[0].code, headers: answer[0] }
      if (said.status !== 200) return said
      const sent = Buffer.from(text)
      const large = sent.length > 125
      const head = Buffer.alloc(large ? 14 : 6)
      head.set([0x81, 0x80 | (large ? 127 : sent.length)])
      if (large) head.writeBigUInt64BE(BigInt(sent.length), 2)
      const taken = []
      const ended = new Promise((resolve) => stream.on('close', resolve))
      const echoed = (large ? 10 : 2) + sent.length
      await new Promise((resolve) => {
        stream.on('data', (data) => { taken.push(data); if (Buffer.concat(taken).length >= echoed) resolve() })
        stream.write(Buffer.concat([head, sent]))
      })
      if (!hold) stream.end(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]))
      await ended
      const all = Buffer.concat(taken)
      return { ...said, same: all.subarray(echoed - sent.length, echoed).equals(sent), close: [...all.subarray(echoed)] }
    } finally {
      session.destroy()
    }
  },
  // The client under test of a server of Autobahn's cases: it echoes, case by case.
  async cases ({ url }) {
    const run = (path, echo) => new Promise((resolve) => {
      const socket = new WebSocket(url + path, { maxPayload: MAX, perMessageDeflate: { threshold: 0 } })
      let last = null
      socket.on('message', (data, binary) => { last = data.toString(); if (echo) socket.send(data, { binary }) })
      socket.on('error', () => {})
      socket.on('close', () => resolve(last))
    })
    const count = Number(await run('/getCaseCount', false))
    for (let at = 1; at <= count; at += 1) await run(`/runCase?case=${at}&agent=ws`, true)
    await run('/updateReports?agent=ws', false)
    return { count }
  },
  served: () => ({ served })
}

listen(server).then((port) => talk({ port }, (told) => commands[told.do](told)))
