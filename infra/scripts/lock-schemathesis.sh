#!/bin/sh
# Writes infra/schemathesis.requirements.txt anew, with every file's hash. Needs uv (https://docs.astral.sh/uv/).
set -e
cd "$(dirname "$0")/.."
version=${1:?usage: lock-schemathesis.sh VERSION}
{
  echo '# Schemathesis with everything it needs, one hash per file; made by scripts/lock-schemathesis.sh VERSION.'
  echo "schemathesis==$version" | uv pip compile - --python-version 3.11 --universal --generate-hashes --no-header --no-annotate -q
} > schemathesis.requirements.txt
