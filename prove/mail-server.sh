#!/bin/sh
# The server of `npm run prove -- --throw-away`: mail software as Debian delivers it, with Debian's
# self-signed certificates, and the SSM Agent. The app puts the
# lines `server=NAME` and `agent=URL` before `set -eu`.
# shellcheck disable=SC2154 # both are set there
set -eu
export DEBIAN_FRONTEND=noninteractive
hostnamectl set-hostname "$server"
echo "$server" >/etc/mailname
echo 'postfix postfix/main_mailer_type select Internet Site' | debconf-set-selections
apt-get update -q
apt-get install -qy postfix dovecot-imapd ssl-cert curl
curl -fsSo /run/agent.deb "$agent"
dpkg -i /run/agent.deb
systemctl enable --now amazon-ssm-agent
