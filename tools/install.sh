#!/bin/sh
# Make .venv hold exactly what a lock file says: install.sh LOCK [OTHER LOCK THAT WILL DO ...]
# Does nothing, and needs no network, when one of the locks is installed already.
set -eu

python=.venv/bin/python
installed=.venv/installed-lock

wanted() { cat requirements-build.txt "$1"; }
say() { printf '%s\n' "$*"; }

for lock in "$@"; do
  if [ -x "$python" ] && [ -f "$installed" ] && wanted "$lock" | cmp -s - "$installed" &&
    "$python" -c '' 2>/dev/null; then
    exit 0
  fi
done

# Two starts at once would spoil one environment: the second waits for the first.
if [ -z "${EVALHUB_INSTALLING:-}" ] && command -v flock >/dev/null 2>&1; then
  mkdir -p .venv
  EVALHUB_INSTALLING=1 exec flock .venv sh "$0" "$@"
fi

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
found=
for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14; do
  if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c "$new_enough" 2>/dev/null; then
    found=$candidate
    break
  fi
done
if [ -z "$found" ]; then
  say "EvalHub needs Python 3.11 or newer. Install it, or name it: make PYTHON=/path/to/python3.11" >&2
  exit 1
fi

began=$(date +%s)
rm -f "$installed"
if ! { "$python" -c "$new_enough" && "$python" -c "import pip"; } 2>/dev/null; then
  say "Making a virtual environment in .venv with $("$found" --version)."
  if ! "$found" -m venv --clear .venv; then
    say "The virtual environment could not be made. On Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
  fi
fi

pip() { "$python" -m pip --disable-pip-version-check --quiet "$@"; }
wheels=.venv/wheels
rm -rf "$wheels"
mkdir "$wheels"

say "Downloading the packages of $1."
pip install --no-compile --require-hashes -r requirements-build.txt
pip download --require-hashes --no-build-isolation --dest "$wheels" -r "$1"
downloaded=$(date +%s)

say "Installing them."
pip install --no-index --find-links "$wheels" --no-compile --require-hashes --no-build-isolation -r "$1"
rm -rf "$wheels"
# Compiled now, on every core, or the first start would do it on one.
"$python" -m compileall -q -j 0 -x '/tests?/' .venv/lib || true
wanted "$1" >"$installed"
done=$(date +%s)
say "Installed in $((done - began)) s, of which $((downloaded - began)) s went by downloading."
