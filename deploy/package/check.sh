#!/bin/sh
# Installs the packages of dist, as they come out of the bundle, in a clean root of
# Debian without a network, starts the daemon there as its user until it is ready,
# sends it a flow, stops and removes it; and does the same with the archives. The
# RPM packages are checked, their installation is tried and they hold the same
# files. Needs root, debootstrap and rpm, and says which one is missing.
set -eu
cd "$(dirname "$0")/../.."

fail() {
	printf 'check packages: %s\n' "$*" >&2
	exit 1
}
[ "$(id -u)" = 0 ] || fail 'needs root, for chroot and namespaces'
for tool in debootstrap rpm unshare; do
	command -v "$tool" >/dev/null 2>&1 || fail "$tool is not installed"
done
for file in dist/linewarden_*.deb dist/linewarden-engine_*.deb dist/linewarden-[0-9]*.rpm dist/linewarden-engine-*.rpm dist/*_bundle.tar; do
	[ -f "$file" ] || fail "$file is not there; run make packages"
done

work=$(mktemp -d /var/tmp/linewarden-packages.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
root=$work/root

echo '== bundle'
mkdir "$work/bundle"
tar -C "$work/bundle" --strip-components 1 -xf dist/*_bundle.tar
(cd "$work/bundle" && sha256sum --quiet -c SHA256SUMS)

echo '== a clean root'
debootstrap --variant=minbase --include=bash "${SUITE:-bookworm}" "$root" "${MIRROR:-http://deb.debian.org/debian}" >"$work/log" 2>&1 ||
	{ tail -20 "$work/log" >&2; fail 'debootstrap failed'; }

echo '== install'
mkdir "$root/packages"
cp "$work"/bundle/*.deb "$root/packages"
chroot "$root" sh -c 'dpkg -i /packages/*.deb'
rm -rf "$root/packages"
chroot "$root" sh -ec '
	getent passwd linewarden >/dev/null
	[ "$(stat -c %U:%a /var/lib/linewarden)" = linewarden:750 ]
	[ "$(stat -c %G:%a /etc/linewarden/linewarden.yaml)" = linewarden:640 ]
	bash -n /usr/share/bash-completion/completions/linewarden
	test -s /usr/share/man/man1/linewarden-serve.1
	linewarden version'

# In namespaces of its own: processes end with it, and ports are all free.
cat >"$root/try.sh" <<'TRY'
set -eu
as() { exec setpriv --reuid linewarden --regid linewarden --init-groups --no-new-privs --bounding-set -all "$@"; }
args='--config /etc/linewarden/linewarden.yaml --data /var/lib/linewarden'
ask() { bash -c "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /$1 HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3 && cat <&3"; }
as linewarden serve $args 2>/tmp/log &
daemon=$!
for _ in $(seq 120); do
	kill -0 "$daemon" 2>/dev/null || { cat /tmp/log; exit 1; }
	if ask readyz 2>/dev/null | grep -q '200 OK'; then break; fi
	sleep 0.5
done
ask readyz | grep -q '200 OK' || { cat /tmp/log; exit 1; }
# NetFlow v5 with one record (Cisco, NetFlow Export Datagram Formats).
time=$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(date +%s | awk '{print int($1/16777216)%256, int($1/65536)%256, int($1/256)%256, $1%256}'))
head="\x00\x05\x00\x01\x00\x00\xea\x60$time\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
flow='\xc6\x33\x64\x01\xcb\x00\x71\x01\x00\x00\x00\x00\x00\x0a\x00\x01\x00\x00\x00\x05\x00\x00\x13\x88\x00\x00\xe2\x90\x00\x00\xe6\x78\x9c\x40\x01\xbb\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00'
bash -c "printf '$head$flow' >/tmp/datagram && cat /tmp/datagram >/dev/udp/127.0.0.1/2055" # printf would write a line at a time
for _ in $(seq 60); do
	if ask metrics | grep -q '^linewarden_flow_records_stored_total{exporter="other"} 1$'; then break; fi
	sleep 0.5
done
ask metrics | grep '^linewarden_flow_records_stored_total{exporter="other"} 1$' || { ask metrics | grep ^linewarden_flow; exit 1; }
(as linewarden doctor $args) >/tmp/doctor || { cat /tmp/doctor; exit 1; }
tail -1 /tmp/doctor
kill -TERM "$daemon"
wait "$daemon"
TRY
# try starts what is installed in the root, as its user and without a network.
try() {
	unshare --net --pid --fork --mount --mount-proc="$root/proc" sh -ec '
		mount -t tmpfs tmpfs "$1/dev" && for d in null zero random urandom; do touch "$1/dev/$d" && mount --bind "/dev/$d" "$1/dev/$d"; done
		ip link set lo up
		exec chroot "$1" sh /try.sh' sh "$root"
}
echo '== start as its user'
try

echo '== remove'
chroot "$root" dpkg -r linewarden linewarden-engine
[ ! -e "$root/usr/bin/linewarden" ] || fail 'the program is left behind'
[ -f "$root/etc/linewarden/linewarden.yaml" ] || fail 'a removal took the configuration'
[ -d "$root/var/lib/linewarden/engine" ] || fail 'a removal took the data'

echo '== rpm'
mkdir "$work/rpm"
rpm --root "$work/rpm" --initdb
for package in dist/*.rpm; do
	rpm -K --nosignature "$package"
done
rpm --root "$work/rpm" -i --test --nosignature --nodeps dist/*.rpm
for pair in 'linewarden_ linewarden-[0-9]' 'linewarden-engine_ linewarden-engine-'; do
	# shellcheck disable=SC2086 # two patterns
	set -- $pair
	rpm -qpl --nosignature dist/$2*.rpm | sort >"$work/of-rpm"
	dpkg-deb --fsys-tarfile dist/$1*.deb | tar -t | sed 's,^\.,,' | grep -v '/$' | sort >"$work/of-deb"
	diff "$work/of-deb" "$work/of-rpm" || fail "the packages $1 differ in their files"
done

echo '== archives'
rm -rf "$root/etc/linewarden" "$root/var/lib/linewarden"
chroot "$root" userdel linewarden
for archive in "$work"/bundle/*_linux_amd64.tar.gz; do
	tar -C "$root" -xzf "$archive"
done
[ "$(stat -c %a "$root")" = 755 ] || fail 'the archives change the mode of the root'
chroot "$root" sh /usr/share/linewarden/postinstall.sh
try
echo 'packages are good'
