// A service that believes the assertion alone: node server.mjs JWKS_URL ISSUER AUDIENCE [PORT]
import { createServer } from 'node:http';
import { Verifier } from './verifier.mjs';

const [jwks, issuer, audience, port = '0'] = process.argv.slice(2);
const verifier = new Verifier({ jwks, issuer, audience });

const server = createServer(async (request, reply) => {
  const answer = (status, body) => {
    reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  request.resume();
  try {
    const { account, workspace, user, action } = await verifier.claims(request);
    console.log(`${action} for ${account}/${workspace}`);
    answer(200, { account, workspace, user });
  } catch (error) {
    console.log(`refused: ${error.message}`);
    answer(401, { error: error.message });
  }
});
server.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
