"""`python -m costs refresh`: price books renewed from the AWS Price List."""

from __future__ import annotations

import argparse
from pathlib import Path

from costs.book import PRICES, PriceError, regions
from costs.price_list.files import AWS
from costs.price_list.refresh import refresh, write_book
from costs.price_list.text import refresh_json, refresh_text
from costs.usage import Usage

EXAMPLES = """\
examples:
  python -m costs refresh                                  what would change, everywhere
  python -m costs refresh --region us-west-2 --write
  python -m costs refresh --region us-east-1 --offers lists

With --offers a folder is read that is laid out like AWS's own:
  lists/AmazonECS/current/us-east-1/index.json
A row that the list does not have, or has in another unit, stays as it is and says why.
AmazonEC2's file is some hundred megabytes a region; it is read without being held.
"""


def add_refresh(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    """Add the command to `python -m costs`."""
    parser = commands.add_parser(
        "refresh",
        help="renew price books from the AWS Price List: the one command with a network",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--region", help="one that has a book, or may (default: all)")
    parser.add_argument(
        "--offers",
        default=AWS,
        metavar="DIR|URL",
        help="where the lists are (default: AWS's own address)",
    )
    parser.add_argument(
        "--prices",
        type=Path,
        default=PRICES,
        metavar="DIR",
        help="where the books are (default: costs/prices)",
    )
    parser.add_argument(
        "--write", action="store_true", help="put the new rows into the books"
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(run=_refresh, usage=None)


def _refresh(asked: argparse.Namespace, usage: Usage) -> int:
    prices = asked.prices
    named = [asked.region] if asked.region else regions(prices)
    if not named:
        raise PriceError(f"--prices: {prices} has no book, a file like us-east-1.json")
    found = [refresh(region, asked.offers, prices=prices) for region in named]
    written = [write_book(each.book, prices) if asked.write else None for each in found]
    if asked.json:
        print(refresh_json(found), end="")
        return 0
    for each, path in zip(found, written, strict=True):
        print(refresh_text(each, f"Prices of {each.region}"))
        print(f"{path}: written" if path else "nothing is written without --write")
    return 0
