"""One task of a batch job: reads its parts of a bucket's JSON lines, writes the answers."""
