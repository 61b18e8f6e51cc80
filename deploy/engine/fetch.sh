#!/bin/sh
# Fetches the ClickHouse library (libchdb) that the embedded engine loads and
# puts it into the user's cache directory:
#
#   ${XDG_CACHE_HOME:-$HOME/.cache}/linewarden/engine/<version>/libchdb.so
#
# Usage: fetch.sh [package.tgz]
#
# Without an argument the pinned package is fetched with the npm client, from
# the registry npm is configured for. With one, that file is used and nothing
# is fetched (for a machine without a network). Either way the package must
# have the checksum below. The script may be run again, and twice at once: the
# library appears under its name only when it is whole.
set -eu

package='@chdb/lib-linux-x64-gnu'
version='26.7.3-stable.1'
sha512='5cff7b98caa7739b59a4a432c11f0dedc2d3b073624e61ebdf4a42e66ce8de35a6ba48ca9f62016bad1cd81fe059435cb858ce3235a8a2b408082a81563e70a7'
library_bytes=566330096

fail() {
	printf 'fetch engine: %s\n' "$*" >&2
	exit 1
}

sum() {
	if command -v sha512sum >/dev/null 2>&1; then
		sha512sum <"$1" | cut -d' ' -f1
	elif command -v openssl >/dev/null 2>&1; then
		openssl dgst -sha512 -r <"$1" | cut -d' ' -f1
	else
		fail 'neither sha512sum nor openssl is installed, so the package cannot be checked'
	fi
}

whole() {
	[ -f "$1" ] && [ "$(wc -c <"$1" | tr -d ' ')" = "$library_bytes" ]
}

system="$(uname -s) $(uname -m)"
[ "$system" = 'Linux x86_64' ] ||
	fail "there is no pinned engine library for $system; configure a ClickHouse server instead"

cache=${XDG_CACHE_HOME:-}
if [ -z "$cache" ]; then
	[ -n "${HOME:-}" ] || fail 'neither XDG_CACHE_HOME nor HOME is set'
	cache=$HOME/.cache
fi
directory=$cache/linewarden/engine/$version
library=$directory/libchdb.so

if whole "$library"; then
	printf '%s\n' "$library"
	exit 0
fi

mkdir -p "$directory"
# The working directory is beside the target: the last step is a rename, and a
# rename is atomic only inside one file system.
work=$(mktemp -d "$directory/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

archive=${1:-}
if [ -z "$archive" ]; then
	command -v npm >/dev/null 2>&1 ||
		fail 'the npm client is not installed; install it, or pass the package as a file'
	(cd "$work" && npm pack --loglevel=error --pack-destination "$work" "$package@$version" >/dev/null) ||
		fail "npm could not fetch $package@$version"
	for archive in "$work"/*.tgz; do :; done
fi
[ -f "$archive" ] || fail "$archive: no such file"

got=$(sum "$archive")
[ "$got" = "$sha512" ] || fail "$archive: checksum is $got, want $sha512; nothing was installed"

tar -xzf "$archive" -C "$work" package/libchdb.so || fail "$archive: cannot unpack"
whole "$work/package/libchdb.so" || fail "$archive: the library in it is not whole (disk full?)"
chmod 0755 "$work/package/libchdb.so"
mv -f "$work/package/libchdb.so" "$library"
printf '%s\n' "$library"
