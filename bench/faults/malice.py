"""Requests that no honest client sends, and honest ones with some bytes changed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence

MEGABYTE = "a" * 1_000_000


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join(
        [f"{method} {path} HTTP/1.1", "Host: x", *lines, "", ""]
    ).encode()


def post(path: str, body: bytes, *lines: str) -> bytes:
    return head("POST", path, *lines, f"Content-Length: {len(body)}") + body


def known_attacks(predict: str, infer: str) -> dict[str, bytes]:
    """Return one request of each kind by its name; all are for one connection."""
    good = b'{"instances": ["where is my order?"]}'
    deep = b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    chunked = "Transfer-Encoding: chunked"
    return {
        **{f"body: {name}": post(predict, body) for name, body in _bodies(deep)},
        **{f"v2 body: {name}": post(infer, body) for name, body in _bodies(deep)},
        "length: huge": head("POST", predict, "Content-Length: 99999999999999") + good,
        "length: beyond 64 bits": head("POST", predict, f"Content-Length: {'9' * 40}"),
        "length: negative": head("POST", predict, "Content-Length: -1") + good,
        "length: not a number": head("POST", predict, "Content-Length: 1e3") + good,
        "length: twice": post(predict, good, "Content-Length: 5"),
        "length: twice the same": post(predict, good, f"Content-Length: {len(good)}"),
        "length: none": head("POST", predict) + good,
        "length: too much promised": head("POST", predict, "Content-Length: 500") + good,
        "length and chunks": post(predict, b"0\r\n\r\n", chunked),
        "chunks: not hexadecimal": head("POST", predict, chunked) + b"ZZ\r\nabc\r\n",
        "chunks: negative": head("POST", predict, chunked) + b"-5\r\nabcde\r\n0\r\n\r\n",
        "chunks: huge": head("POST", predict, chunked) + b"FFFFFFFFFFFFFFFFF\r\nabc",
        "chunks: size and no end": head("POST", predict, chunked) + b"1" * 70_000,
        "chunks: extensions": head("POST", predict, chunked) + b"5;" + b"a" * 20_000,
        "chunks: no last": head("POST", predict, chunked) + b"5\r\nabcde\r\n",
        "chunks: many": head("POST", predict, chunked) + b"1\r\n \r\n" * 5_000 + b"0\r\n\r\n",
        "chunks: twice coded": head("POST", predict, "Transfer-Encoding: chunked, chunked"),
        "coding: unknown": head("POST", predict, "Transfer-Encoding: gzip") + good,
        "encoding: gzip": post(predict, good, "Content-Encoding: gzip"),
        "pipelined": post(predict, good) * 50,
        "pipelined, then garbage": post(predict, good) * 3 + b"\x00\xff" * 100,
        "pipelined health": head("GET", "/v2/health/live") * 200,
        "head: 1 MB": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + MEGABYTE.encode() + b"\r\n\r\n",
        "head: 10,000 fields": head("GET", "/", *["A: b"] * 10_000),
        "head: NUL": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
        "head: no colon": b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        "head: folded": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        "head: bare LF": b"GET /v2/health/live HTTP/1.1\nHost: x\n\n",
        "head: no host": b"GET /v2/health/live HTTP/1.1\r\n\r\n",
        "path: long": head("GET", "/" + "a" * 100_000),
        "path: climbs": head("GET", "/../../../../etc/passwd"),
        "path: bad escapes": head("GET", "/%00%zz%ff%c0%ae"),
        "path: absolute": head("GET", "http://x/v2/health/live"),
        "path: absolute, wrong": head("GET", "http://[/"),
        "path: spaces": head("GET", "/a b c"),
        "method: unknown": head("BREW", predict),
        "method: connect": head("CONNECT", "x:80"),
        "method: options *": head("OPTIONS", "*"),
        "method: trace": head("TRACE", predict),
        "version: 0.9": b"GET /\r\n",
        "version: 1.0": b"GET /v2/health/live HTTP/1.0\r\n\r\n",
        "version: 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "version: 9.9": b"GET / HTTP/9.9\r\n\r\n",
        "upgrade": head("GET", "/v2/health/live", "Connection: Upgrade", "Upgrade: h2c"),
        "websocket": head("GET", predict, "Connection: Upgrade", "Upgrade: websocket"),
        "expect: odd": post(predict, good, "Expect: a-miracle"),
        "expect: continue": post(predict, good, "Expect: 100-continue"),
        "deadline: negative": post(predict, good, "X-Request-Timeout-Ms: -5"),
        "deadline: nan": post(predict, good, "X-Request-Timeout-Ms: nan"),
        "deadline: endless": post(predict, good, f"X-Request-Timeout-Ms: {'9' * 400}"),
        "id: 10 KB": post(predict, good, f"X-Request-Id: {'i' * 10_000}"),
        "id: tries a line": post(predict, good, 'X-Request-Id: "},{"a":"\x7f'),
        "TLS": bytes.fromhex("1603010200010001fc0303") + b"\x5a" * 500,
        "nothing": b"",
        "NULs": b"\x00" * 1000,
    }  # fmt: skip


def _bodies(deep: bytes) -> Iterator[tuple[str, bytes]]:
    def texts(*values: object) -> bytes:
        return json.dumps({"instances": values}).encode()

    def tensor(data: object, shape: object = (1,)) -> bytes:
        one = {"name": "text", "shape": shape, "datatype": "BYTES", "data": data}
        return json.dumps({"inputs": [one]}).encode()

    yield "empty", b""
    yield "deep", deep
    yield "deep objects", b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    yield "not UTF-8", b'{"instances": ["\xff\xfe\xc0\x80"]}'
    yield "UTF-16", '{"instances": ["a"]}'.encode("utf-16")
    yield "byte order mark", b"\xef\xbb\xbf" + texts("a")
    yield "lone surrogate", b'{"instances": ["\\ud800"]}'
    yield "reversed surrogates", b'{"instances": ["\\udc00\\ud800 a"]}'
    yield "NUL", texts("a\0b", "\0")
    yield "only NUL", texts("\0")
    yield "controls", texts("".join(map(chr, range(1, 32))))
    yield "1 MB text", texts(MEGABYTE)
    yield "200 KB text", texts("é" * 30_000)
    yield "200 KB word", texts("a" * 200_000)
    yield "many texts", texts(*["a"] * 10_000)
    yield "no texts", texts()
    yield "empty text", texts("")
    yield "not texts", texts(1, None, [], {}, True, 1.5)
    yield "huge number", b'{"instances": [' + b"9" * 100_000 + b"]}"
    yield "NaN", b'{"instances": [NaN, Infinity]}'
    yield "same key", b'{"instances": ["a"], "instances": 3}'
    yield "unknown key", b'{"instances": ["a"], "__proto__": {"a": 1}}'
    yield "scripts", texts("\u202e\u200d\ufeff😀" * 500)
    yield "combining", texts("a" + "\u0301" * 20_000)
    yield "special tokens", texts("[CLS] [SEP] [PAD] [MASK]" * 100)
    yield "tensor", tensor(["a"])
    yield "tensor: shape", tensor(["a"], (10**18, 10**18))
    yield "tensor: negative shape", tensor(["a"], (-1,))
    yield "tensor: data", tensor({"a": [1]}, {"b": 2})
    yield "tensor: nested", tensor([[["a"]]])


def mutations(originals: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Yield endless requests with a few bytes changed, dropped, doubled or spliced."""
    chance = random.Random(seed)
    while True:
        content = bytearray(chance.choice(originals))
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            _mutate(content, originals, chance)
        yield bytes(content)


def _mutate(
    content: bytearray, originals: Sequence[bytes], chance: random.Random
) -> None:
    start = chance.randrange(len(content) + 1)
    end = min(len(content), start + chance.choice((1, 1, 2, 8, 64)))
    match chance.randrange(6):
        case 0:
            content[start:end] = chance.randbytes(end - start)
        case 1:
            del content[start:end]
        case 2:
            content[start:start] = content[start:end] * chance.choice((1, 2, 50))
        case 3:
            donor = chance.choice(originals)
            place = chance.randrange(len(donor))
            content[start:end] = donor[place : place + chance.choice((1, 8, 64))]
        case 4:
            tokens = (b"\r\n", b"\0", b'"', b"\\u", b"{", b"]", b"-", b"\xff", b"1e999")
            content[start:start] = chance.choice(tokens)
        case 5 if start < len(content):
            content[start] ^= 1 << chance.randrange(8)
