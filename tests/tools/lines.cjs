// How a test talks to a script: lines of JSON, told and said. The end of standard input ends the script.
'use strict'

const readline = require('node:readline')

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

// Says `first`, then what `answer` makes of each line, one after the other.
async function talk (first, answer) {
  say(first)
  for await (const line of readline.createInterface({ input: process.stdin })) say(await answer(JSON.parse(line)))
  process.exit(0)
}

// Listens on a free port of loopback, and gives it.
const listen = (server, port = 0) => new Promise((resolve, reject) => {
  server.once('error', reject).listen(port, '127.0.0.1', () => resolve(server.address().port))
})

module.exports = { listen, talk }
