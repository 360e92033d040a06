"""moto's Cognito on a free port (tests/README.md).

Told `{"pool": .., "claims": {..}}` it signs the claims with the pool's key: a pre-token-generation
trigger, and the tokens of machine clients, are what moto does not have.
"""

import json
import logging
import os
import sys

# moto signs its answers with these; no test speaks to anything but loopback.
os.environ.update(
    AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="eu-west-1"
)

from joserfc import jwt  # noqa: E402
from moto.cognitoidp.models import cognitoidp_backends  # noqa: E402
from moto.core import DEFAULT_ACCOUNT_ID  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402


def say(line):
    print(json.dumps(line), flush=True)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
backends = cognitoidp_backends[DEFAULT_ACCOUNT_ID]
say({"port": server.get_host_and_port()[1]})
for line in sys.stdin:
    told = json.loads(line)
    pool = backends[told["pool"].split("_")[0]].user_pools[told["pool"]]
    say({"token": jwt.encode({"kid": "dummy", "alg": "RS256"}, told["claims"], pool.json_web_key)})
# The server's threads would outlive this one.
os._exit(0)
