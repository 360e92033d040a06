// A gRPC server or client of grpc-js, without a schema: messages are bytes (tests/README.md).
// Started with {serve: true}, or with {target, authority, compress?: true}.
//
// The server does what a call's `x-test-do` says. Told {}, it says what it saw; told {die: true}, it is gone.
// The client is told {kind, method, messages: [text or length], metadata?, deadline?: ms, cancel?: after so many
// replies, pause?: ms between messages} and says {code, details, messages, initial, trailing, took}.
'use strict'

const grpc = require('@grpc/grpc-js')
const { talk } = require('./lines.cjs')

const told = JSON.parse(process.argv[2])
const UNBOUNDED = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }
const same = (bytes) => bytes
const saw = { calls: 0, cancelled: 0, deadlines: [] }

function method (name, requestStream, responseStream) {
  return { path: `/test.v1.Echo/${name}`, requestStream, responseStream, requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same }
}

// What every call does first: remembers what it got, and sends metadata of both kinds back.
function begin (call) {
  saw.calls++
  const got = (name) => call.metadata.get(name)
  const what = got('x-test-do')[0] ?? 'echo'
  // grpc-js says `cancelled` of calls that ended well, too.
  if (what === 'hang') call.on('cancelled', () => { saw.cancelled++ })
  if (call.getDeadline() !== Infinity) saw.deadlines.push(Math.round(call.getDeadline() - Date.now()))
  const initial = new grpc.Metadata()
  initial.set('x-test-account', got('x-palisade-account').join(','))
  initial.set('x-test-user', got('x-palisade-user').join(','))
  for (const value of got('x-test-data-bin')) initial.add('x-test-data-bin', value)
  call.sendMetadata(initial)
  return what
}

function trailing (count) {
  const metadata = new grpc.Metadata()
  metadata.set('x-test-count', `${count}`)
  metadata.set('x-test-sum-bin', Buffer.from([0, 255, count & 255]))
  return metadata
}

const FAIL = { code: grpc.status.NOT_FOUND, details: 'no such thing: \u00e9 100%' }

const HANDLERS = {
  Unary (call, done) {
    const what = begin(call)
    if (what === 'hang') return
    if (what === 'fail') return done({ ...FAIL, metadata: trailing(0) })
    done(null, call.request, trailing(1))
  },
  Collect (call, done) {
    begin(call)
    let count = 0
    let length = 0
    call.on('data', (bytes) => { count++; length += bytes.length })
    call.on('end', () => done(null, Buffer.from(`${count} ${length}`), trailing(count)))
  },
  Spread (call) {
    const what = begin(call)
    const count = Number(call.request.toString())
    for (let at = 0; at < count; at++) call.write(Buffer.from(`${at}`))
    if (what === 'hang') return
    if (what === 'fail') return call.destroy(Object.assign(new Error(FAIL.details), FAIL, { metadata: trailing(count) }))
    call.end(trailing(count))
  },
  Chat (call) {
    begin(call)
    let count = 0
    call.on('data', (bytes) => { count++; call.write(bytes) })
    call.on('end', () => call.end(trailing(count)))
    call.on('error', () => {})
  }
}

function serve () {
  const server = new grpc.Server(UNBOUNDED)
  server.addService({
    Unary: method('Unary', false, false),
    Collect: method('Collect', true, false),
    Spread: method('Spread', false, true),
    Chat: method('Chat', true, true)
  }, HANDLERS)
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error
    talk({ port }, (line) => line.die ? process.exit(1) : saw)
  })
}

// Texts are told as texts; longer than a line is worth, by their length.
const bytes = (message) => typeof message === 'number' ? Buffer.alloc(message, 'x') : Buffer.from(message)
const shown = (message) => message.length > 1000 ? message.length : message.toString()
const plain = (metadata) => Object.fromEntries(Object.entries(metadata?.getMap() ?? {}).map(([name, value]) => [name, Buffer.isBuffer(value) ? value.toString('base64') : value]))
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms ?? 0))

async function write (call, line) {
  for (const message of line.messages) {
    call.write(bytes(message))
    await pause(line.pause)
  }
  call.end()
}

function ask (client, line) {
  return new Promise((resolve) => {
    const metadata = new grpc.Metadata()
    for (const [name, value] of Object.entries(line.metadata ?? {})) metadata.add(name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value)
    const options = line.deadline ? { deadline: Date.now() + line.deadline } : {}
    const path = `/test.v1.Echo/${line.method}`
    const began = Date.now()
    const said = { messages: [] }
    const one = (error, message) => { if (message) said.messages.push(shown(message)) }
    const first = [path, same, same]
    const call = {
      unary: () => client.makeUnaryRequest(...first, bytes(line.messages[0]), metadata, options, one),
      client: () => client.makeClientStreamRequest(...first, metadata, options, one),
      server: () => client.makeServerStreamRequest(...first, bytes(line.messages[0]), metadata, options),
      bidi: () => client.makeBidiStreamRequest(...first, metadata, options)
    }[line.kind]()
    call.on('metadata', (initial) => { said.initial = plain(initial) })
    call.on('data', (message) => {
      said.messages.push(shown(message))
      if (said.messages.length === line.cancel) call.cancel()
    })
    call.on('error', () => {})
    call.on('status', ({ code, details, metadata }) => setImmediate(() => resolve({ ...said, code, details, trailing: plain(metadata), took: Date.now() - began })))
    if (line.kind === 'client' || line.kind === 'bidi') write(call, line)
    if (line.cancel === 0) setTimeout(() => call.cancel(), 1000)
  })
}

function call () {
  const options = { ...UNBOUNDED, 'grpc.default_authority': told.authority, 'grpc.enable_retries': 0 }
  if (told.compress) options['grpc.default_compression_algorithm'] = 2
  const client = new grpc.Client(told.target, grpc.credentials.createInsecure(), options)
  talk({ ready: true }, (line) => ask(client, line))
}

told.serve ? serve() : call()
