#!/bin/sh
# Build or refresh .venv from a lock, with a pinned uv that lives in a private environment of its own.
# usage: tools/environment.sh run|dev
#   run  what the programme needs to run           (requirements.lock)
#   dev  that, PostgreSQL's driver and the tools   (requirements-dev.lock); also serves `run`
set -eu
cd "$(dirname "$0")/.."

kind=$1
export UV_PYTHON_DOWNLOADS=never # a Python that is not found must be said, not downloaded
export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true} # a house with a certificate authority of its own is in the system's list
export UV_LINK_MODE=${UV_LINK_MODE:-copy}

# Two `make` at once must not build the same environment.
if command -v flock >/dev/null 2>&1 && [ -z "${HANDRAIL_ENV_LOCKED:-}" ]; then
    HANDRAIL_ENV_LOCKED=1 exec flock tools/environment.sh tools/environment.sh "$@"
fi

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    echo "make: Python 3.11 or newer was not found; set PYTHON=/path/to/python3" >&2
    return 1
}

new_venv() { # new_venv PYTHON FOLDER [OPTIONS]
    python=$1
    folder=$2
    shift 2
    "$python" -m venv "$@" "$folder" >/dev/null 2>&1 && return 0
    rm -rf "$folder"
    # Debian keeps ensurepip in a package of its own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing packages of the system: python3-venv"
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -y -q --no-install-recommends python3-venv </dev/null >/dev/null 2>&1 ||
            { apt-get update -q && apt-get install -y -q --no-install-recommends python3-venv; } </dev/null >/dev/null 2>&1 || true
        "$python" -m venv "$@" "$folder" && return 0
    fi
    echo "make: '$python -m venv' does not work; install the package python3-venv (Debian) or set PYTHON" >&2
    return 1
}

digest() { cat "$@" | cksum | tr ' ' '-'; }
project() { sed '/^\[tool\./,$d' pyproject.toml; } # what the installed project depends on; the tools' settings come after it

# 1. the private environment with the pinned uv
uv=.tools/bin/uv
if [ "$(cat .tools/ready 2>/dev/null)" != "$(digest tools/uv.lock)" ] || ! [ -x "$uv" ]; then
    python=$(find_python)
    new_venv "$python" .tools --clear
    .tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/uv.lock
    digest tools/uv.lock >.tools/ready
fi
[ "$kind" != uv ] || exit 0

# 2. .venv, exactly as the lock says
dev=$(project | digest requirements-dev.lock -)
run=$(project | digest requirements.lock -)
have=$(cat .venv/ready 2>/dev/null || true)
if [ -x .venv/bin/handrail ]; then
    [ "$have" != "dev $dev" ] || exit 0
    [ "$kind $have" != "run run $run" ] || exit 0
fi
case $kind in
dev) lock=requirements-dev.lock want="dev $dev" ;;
run) lock=requirements.lock want="run $run" ;;
*) echo "usage: tools/environment.sh run|dev" >&2 && exit 2 ;;
esac
if ! .venv/bin/python -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(find_python)
    new_venv "$python" .venv --clear --without-pip
fi
rm -f .venv/ready
echo "building .venv from $lock"
"$uv" pip sync --quiet --python .venv/bin/python --require-hashes "$lock"
"$uv" pip install --quiet --python .venv/bin/python --no-deps --editable .
echo "$want" >.venv/ready
