#!/bin/sh
# Before the removal: stop the daemon, not before an upgrade, which restarts it.
# Debian says remove or upgrade, RPM the number of versions that remain. Data and
# configuration stay.
set -eu

case "${1:-remove}" in
remove | purge | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now linewarden.service
	fi
	;;
esac
