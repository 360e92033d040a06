"""The Autobahn cases of kosoku. Started with {"cases": [..], "exclude": [..]}; says its port, 0 without a
server. Told {"do": "client", "url"}, it drives a server; {"do": "serve"} starts a server for a client,
{"do": "verdicts"} waits for that client's. A verdict is [case, behaviour, behaviour of the close, code]."""

import asyncio
import json
import sys

from kosoku import FailureError, run_fuzzingclient, run_fuzzingserver

TOLD = json.loads(sys.argv[1])


def verdicts(results):
    return [
        [one.case_id, one.behavior.value, one.behavior_close.value, one.remote_close_code]
        for one in results
    ]


async def client(url):
    try:
        return await run_fuzzingclient(url, TOLD["cases"], TOLD.get("exclude"), concurrency=4)
    except FailureError as failure:
        return failure.results


async def serve(say, ask):
    async with run_fuzzingserver(TOLD["cases"], TOLD.get("exclude"), port=0) as server:
        say({"port": server.port})
        await ask()
        try:
            results = await server.get_result()
        except FailureError as failure:
            results = failure.results
        say({"verdicts": verdicts(results)})


async def main():
    def say(line):
        print(json.dumps(line), flush=True)

    async def ask():
        line = await asyncio.to_thread(sys.stdin.readline)
        return json.loads(line) if line else sys.exit(0)

    say({"port": 0})
    while True:
        told = await ask()
        if told["do"] == "client":
            say({"verdicts": verdicts(await client(told["url"]))})
        else:
            await serve(say, ask)


asyncio.run(main())
