"""Write a review to the one comment that a pull request has of it, updated in place."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from stacks.commands.checkout import CommandError
from stacks.commands.published import aws_errors, client
from stacks.commands.requests import PROVIDERS, Api, Provider

TOKEN = "LATHE_COMMENT_TOKEN"
EPILOG = f"""\
examples:
  python -m stacks comment review.md --provider github --repository OWNER/NAME \\
      --branch faster --key support-sentiment --secret lathe/comment-token
  {TOKEN}=... python -m stacks comment review.md --provider gitlab ...

The pull request is the open one of the branch; without one there is nothing to do. The
token may read pull requests and write their comments, no more: GitHub fine-grained
"Pull requests: read and write", GitLab `api`, Bitbucket `pullrequest:write`.
exit code: 0, 2 on an error
"""
CUT = (
    "\n\n*Cut here: the comment would be too long. The build's report has the rest.*\n"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Create or update one comment; return the exit code."""
    options = _parser().parse_args(arguments)
    provider = PROVIDERS[options.provider]
    try:
        text = options.file.read_text(encoding="utf-8")
        api = Api(options.api or provider.address, _token(options.secret))
        print(_write(api, provider, options, text))
    except (CommandError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _write(api: Api, provider: Provider, options: argparse.Namespace, text: str) -> str:
    """Return what was done. Raises CommandError."""
    marker = provider.marker(options.key)
    request = provider.open_request(api, options.repository, options.branch)
    if request is None:
        return f"{options.branch}: no open pull request to comment on"
    body = fitted(f"{marker}\n{text}", provider.most)
    comment = provider.find(api, options.repository, request, marker)
    if comment is None:
        provider.create(api, options.repository, request, body)
        return f"commented on {request} of {options.repository}"
    provider.update(api, options.repository, request, comment, body)
    return f"updated the comment on {request} of {options.repository}"


def fitted(text: str, most: int) -> str:
    """Cut text at a line, and close what was open there, to `most` characters."""
    if len(text) <= most:
        return text
    kept = text[: most - len(CUT) - 40].rpartition("\n")[0]
    if kept.count("```") % 2:
        kept += "\n```"
    if kept.count("<details>") > kept.count("</details>"):
        kept += "\n\n</details>"
    return kept + CUT


def _token(secret: str | None) -> str:
    if secret is None:
        token = os.environ.get(TOKEN, "")
        if not token:
            raise CommandError(f"no token: name a --secret, or set {TOKEN}")
        return token
    with aws_errors():
        manager = client("secretsmanager", None)
        return str(manager.get_secret_value(SecretId=secret)["SecretString"]).strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stacks comment",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="markdown")
    parser.add_argument("--provider", choices=PROVIDERS, required=True)
    parser.add_argument("--repository", required=True, metavar="OWNER/NAME")
    parser.add_argument("--branch", required=True, help="that the request is of")
    parser.add_argument("--key", required=True, help="of the comment: the model's name")
    parser.add_argument("--secret", help=f"in Secrets Manager (default: ${TOKEN})")
    parser.add_argument("--api", help="address of the API, of a server of your own")
    return parser


if __name__ == "__main__":
    sys.exit(main())
