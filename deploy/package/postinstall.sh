#!/bin/sh
# After the installation: make the user and the directories, and take the unit in.
# Nothing is started: the configuration is to be read first.
set -eu

if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers linewarden.conf
elif ! getent passwd linewarden >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/linewarden --shell /usr/sbin/nologin linewarden
fi
if command -v systemd-tmpfiles >/dev/null 2>&1; then
	systemd-tmpfiles --create linewarden.conf
else
	install -d -m 0750 -o linewarden -g linewarden /var/lib/linewarden /var/lib/linewarden/registry
	chgrp linewarden /etc/linewarden /etc/linewarden/linewarden.yaml
	chmod 0750 /etc/linewarden
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart linewarden.service
fi
