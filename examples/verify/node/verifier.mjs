// Verifies the assertion that Palisade sends with a request. Copy this file into your service; it needs
// Node alone.
import { createHash, createPublicKey, verify } from 'node:crypto';

const HEADER = 'x-palisade-assertion';
const TYPE = 'palisade-assertion+jwt';
/** How far the clocks of gate and service may differ, in seconds. */
const LEEWAY = 5;
/** An unknown key is looked for at most so often, whoever sends it. */
const UNKNOWN_MS = 10_000;
/** The key set is fetched anew after this: a key that was withdrawn is believed no longer. */
const KEPT_MS = 300_000;

export class Verifier {
  #settings;
  #keys = new Map();
  #fetched = -Infinity;
  #fetching;

  /** `jwks`: the URL of the gate's key set. `issuer` and `audience`: as the gate's configuration says. */
  constructor(settings) {
    this.#settings = settings;
  }

  /** The claims of the assertion of `request` (an `http.IncomingMessage`); throws if it does not hold. */
  async claims(request) {
    const text = request.headers[HEADER];
    if (typeof text !== 'string') throw new Error('no assertion');
    const parts = text.split('.');
    if (parts.length !== 3) throw new Error('not a compact JWS');
    const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
    if (header.typ !== TYPE || 'crit' in header) throw new Error('another kind of token');
    const key = await this.#key(header.kid);
    // The key says with which algorithm it signs; the token does not choose.
    if (header.alg !== key.alg) throw new Error('another algorithm than the key is for');
    const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
    const signature = Buffer.from(parts[2], 'base64url');
    const digest = key.alg === 'ES256' ? 'sha256' : null;
    if (!verify(digest, signed, { key: key.object, dsaEncoding: 'ieee-p1363' }, signature)) {
      throw new Error('the signature does not hold');
    }
    this.#checkParties(claims);
    checkRequest(claims, request);
    return claims;
  }

  #checkParties(claims) {
    const now = Date.now() / 1000;
    if (claims.iss !== this.#settings.issuer) throw new Error('another issuer');
    if (claims.aud !== this.#settings.audience) throw new Error('for another service');
    if (!(claims.exp > now - LEEWAY)) throw new Error('expired');
    if (!(claims.nbf <= now + LEEWAY)) throw new Error('not yet valid');
  }

  async #key(kid) {
    if (Date.now() - this.#fetched > (this.#keys.has(kid) ? KEPT_MS : UNKNOWN_MS)) {
      this.#fetched = Date.now();
      this.#fetching = this.#fetch();
    }
    await this.#fetching;
    const key = this.#keys.get(kid);
    if (!key) throw new Error('an unknown key');
    return key;
  }

  async #fetch() {
    const reply = await fetch(this.#settings.jwks);
    if (!reply.ok) throw new Error(`the key set answers ${reply.status}`);
    const { keys } = await reply.json();
    this.#keys = new Map(keys.map((jwk) => [jwk.kid, usable(jwk)]));
  }
}

function usable(jwk) {
  if (jwk.alg !== 'ES256' && jwk.alg !== 'EdDSA') throw new Error(`a key for ${jwk.alg}`);
  return { alg: jwk.alg, object: createPublicKey({ key: jwk, format: 'jwk' }) };
}

/** An assertion is for one method, path and query, each exactly as it arrives. */
function checkRequest(claims, request) {
  const [path, ...query] = request.url.split('?');
  const digest = createHash('sha256').update(query.join('?')).digest('base64url');
  if (claims.method !== request.method) throw new Error('for another method');
  if (claims.path !== path) throw new Error('for another path');
  if (claims.query_sha256 !== digest) throw new Error('for another query');
}
