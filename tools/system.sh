#!/bin/sh
# Make sure that the packages of the system named in tools/system.txt for one target are there.
# usage: tools/system.sh TARGET
set -eu
cd "$(dirname "$0")/.."

target=$1
missing=""
for entry in $(sed -n "s/^$target:[[:space:]]*//p" tools/system.txt); do
    package=${entry%%=*}
    proof=${entry#*=}
    case $proof in
    /*)
        # shellcheck disable=SC2086  # the proof may be a pattern
        ls $proof >/dev/null 2>&1 || missing="$missing $package"
        ;;
    *)
        command -v "$proof" >/dev/null 2>&1 || missing="$missing $package"
        ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "make: please install these packages first (Debian names):$missing" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "installing packages of the system:$missing"
# A new machine has no package lists: try with the lists that are there, then with new ones.
# shellcheck disable=SC2086  # one word for each package
if ! apt-get install -y -q --no-install-recommends $missing </dev/null >"$log" 2>&1; then
    if ! { apt-get update -q && apt-get install -y -q --no-install-recommends $missing; } </dev/null >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "make: apt-get could not install:$missing" >&2
        exit 1
    fi
fi
