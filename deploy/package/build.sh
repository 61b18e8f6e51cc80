#!/bin/sh
# Builds into dist: the packages (.deb, .rpm) and archives (.tar.gz) of the program
# and of the engine's library, the bill of materials, checksums, and a bundle of
# all of them for machines without a network.
#
# Usage: VERSION=0.1.0 deploy/package/build.sh     (after: make engine console)
set -eu
cd "$(dirname "$0")/../.."

version=${VERSION:-0.0.0}
nfpm='go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2'
library=$(sh deploy/engine/fetch.sh)
engine=$(basename "$(dirname "$library")")

mkdir -p bin/completion dist
go build -trimpath -o bin/linewarden ./cmd/linewarden # unlike make build, it knows its version
for shell in bash zsh fish; do
	bin/linewarden completion "$shell" >"bin/completion/linewarden.$shell"
done
rm -rf bin/man
bin/linewarden manual man bin/man
ln -f "$library" bin/libchdb.so 2>/dev/null || cp -f "$library" bin/libchdb.so

rm -f dist/linewarden*
for kind in deb rpm; do
	VERSION=$version $nfpm package -f deploy/package/nfpm.yaml -p "$kind" -t dist/
	ENGINE_VERSION=${engine%%-*} $nfpm package -f deploy/package/engine.yaml -p "$kind" -t dist/
done

# The archives have the files of the packages at their places: tar -C / -xzf, and
# then the script of the package, which makes the user and the directories.
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
ar p dist/linewarden_*.deb data.tar.gz | tar -C "$root" -xzf -
install -D -m 0755 deploy/package/postinstall.sh "$root/usr/share/linewarden/postinstall.sh"
tar -C "$root" --owner=0 --group=0 --numeric-owner --sort=name -czf "dist/linewarden_${version}_linux_amd64.tar.gz" etc usr
ar p dist/linewarden-engine_*.deb data.tar.gz >"dist/linewarden-engine_${engine%%-*}_linux_amd64.tar.gz"

make sbom
name=linewarden_${version}_bundle
tar -C dist --owner=0 --group=0 --numeric-owner --transform "s,^\./,$name/," --exclude '*_bundle.tar' -cf "dist/$name.tar" .
ls -l dist
