#!/bin/sh
# Makes a new host a mail and webmail server, as a hosting provider has it before sealpost: the
# parts in software/*.sh, one self-signed certificate, and everything else as Debian delivers it.
# Nothing is prepared for sealpost. The parts come before this text in one script: see
# mail-server.ts.
#   mail-server.sh set-up HOSTNAME MAILBOX PASSWORD SOFTWARE…
#   mail-server.sh start SOFTWARE…    starts what is not running
# shellcheck disable=SC2034 # the parts use what is set here
set -eu

is_running() { kill -0 "$(cat "$1" 2>/dev/null || echo none)" 2>/dev/null; }

webmail_page() {
  install -d /var/www/webmail
  echo "<!doctype html><title>Webmail</title><h1>Webmail of $hostname</h1>" >/var/www/webmail/index.html
}

set_up() {
  hostname=$1 mailbox=$2 password=$3
  shift 3
  software=$* domain=${mailbox#*@}
  certificate=/etc/ssl/certs/server.pem key=/etc/ssl/private/server.key
  umask 077
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=$hostname" \
    -addext "subjectAltName=DNS:$hostname" -keyout "$key" -out "$certificate" 2>/dev/null
  umask 022
  chmod 644 "$certificate"
  # mmdebstrap ran under this machine's own name. The files that Debian derived from it get this
  # host's name.
  echo "$hostname" >/etc/mailname
  groupadd -g 5000 vmail
  useradd -u 5000 -g vmail -d /var/vmail -M -s /usr/sbin/nologin vmail
  install -d -o vmail -g vmail -m 700 /var/vmail
  for each in $software; do "${each}_set_up"; done
}

what=$1
shift
case $what in
set-up) set_up "$@" ;;
start) for each in "$@"; do "${each}_start"; done ;;
esac
