"""Verifies the assertion that Palisade sends with a request. Copy this file into your service."""

import json
import threading
import time
import urllib.request
import warnings
from base64 import urlsafe_b64encode
from hashlib import sha256

from joserfc import jws
from joserfc.jwk import KeySet

HEADER = "x-palisade-assertion"
TYPE = "palisade-assertion+jwt"
ALGORITHMS = ["ES256", "EdDSA"]
LEEWAY = 5
"""How far the clocks of gate and service may differ, in seconds."""
UNKNOWN = 10
"""An unknown key is looked for at most so often, whoever sends it; in seconds."""
KEPT = 300
"""The key set is fetched anew after this: a key that was withdrawn is believed no longer; in seconds."""

# The library would have `Ed25519` in place of `EdDSA` (RFC 9864), which few others know yet.
warnings.filterwarnings("ignore", message="EdDSA is deprecated")


class Refused(Exception):
    """The assertion does not hold."""


class Verifier:
    def __init__(self, jwks, issuer, audience):
        """`jwks`: the URL of the gate's key set. `issuer` and `audience`: as the gate's configuration says."""
        self.jwks, self.issuer, self.audience = jwks, issuer, audience
        self.keys, self.fetched = {}, float("-inf")
        self.fetching = threading.Lock()

    def claims(self, headers, method, target):
        """The claims of the assertion among `headers`; `target` is the request's, exactly as it arrives."""
        found = headers.get_all(HEADER, [])
        if len(found) != 1:
            raise Refused("no assertion, or two")
        try:
            signed = jws.extract_compact(found[0].encode())
            header = signed.headers()
        except Exception as error:
            raise Refused("not a compact JWS") from error
        if header.get("typ") != TYPE or "crit" in header:
            raise Refused("another kind of token")
        key = self._key(header.get("kid"))
        # The key says with which algorithm it signs; the token does not choose.
        if header.get("alg") != key.get("alg") or header.get("alg") not in ALGORITHMS:
            raise Refused("another algorithm than the key is for")
        try:
            claims = json.loads(jws.deserialize_compact(found[0], key, algorithms=ALGORITHMS).payload)
        except Exception as error:
            raise Refused("the signature does not hold") from error
        self._check_parties(claims)
        _check_request(claims, method, target)
        return claims

    def _check_parties(self, claims):
        now = time.time()
        if claims.get("iss") != self.issuer:
            raise Refused("another issuer")
        if claims.get("aud") != self.audience:
            raise Refused("for another service")
        if not claims["exp"] > now - LEEWAY:
            raise Refused("expired")
        if not claims["nbf"] <= now + LEEWAY:
            raise Refused("not yet valid")

    def _key(self, kid):
        with self.fetching:
            if time.monotonic() - self.fetched > (KEPT if kid in self.keys else UNKNOWN):
                self.fetched = time.monotonic()
                self._fetch()
            if kid not in self.keys:
                raise Refused("an unknown key")
            return self.keys[kid]

    def _fetch(self):
        try:
            with urllib.request.urlopen(self.jwks, timeout=5) as reply:
                keys = KeySet.import_key_set(json.load(reply))
        except (OSError, ValueError) as error:
            raise Refused("the key set cannot be fetched") from error
        self.keys = {key.kid: key for key in keys}


def _check_request(claims, method, target):
    """An assertion is for one method, path and query, each exactly as it arrives."""
    path, _, query = target.partition("?")
    digest = urlsafe_b64encode(sha256(query.encode()).digest()).rstrip(b"=").decode()
    if claims.get("method") != method:
        raise Refused("for another method")
    if claims.get("path") != path:
        raise Refused("for another path")
    if claims.get("query_sha256") != digest:
        raise Refused("for another query")
