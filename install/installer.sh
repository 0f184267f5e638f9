#!/bin/sh
# sealpost on a Linux mail server: one delivery is one transaction.
#
#   installer.sh DELIVERY HASH   does what the delivery says and prints the answer (SSM runs this)
#   installer.sh inspect         says what adoption would change here; changes nothing
#   installer.sh undo-adoption [NAME]   takes the lines that adoption wrote out of the daemons' own
#                                files: of all, or of the daemon NAME
#
# The installer writes to /etc/sealpost and to the lines that adoption wrote (adopt.sh).
#
# Guarantees:
# - The answer says "served" only of a certificate that a handshake with SNI showed, with a chain
#   that ends in a trusted root. A certificate that no handshake shows is rolled back.
# - The installer may be killed at any point. The next run then finishes the transaction, or rolls
#   back what no handshake shows.
#
#   /etc/sealpost/
#     live/PLACE.pem    key, leaf and chain in one file: one rename replaces all of them
#     host/DAEMON.pem   what a daemon serves to a client that sends no name or an unknown name
#     domains           a line for each certificate: place kind id leaf mail-name web-name names…
#                       A place is a domain, or DOMAIN@mail or DOMAIN@webmail for a certificate that
#                       serves only mail or only webmail
#     answer            the last answer; its first line holds hash and sequence number
#     adoption/         what the daemons' own files said before adoption
#     tx/               the transaction under way; tx/journal is there from begin to commit
#
# Each adapter adds files of its own, which it makes from `domains`.
#
# Exit code: 0 answered, 20 rolled back, 30 broken (the old certificate is not served either), 40
# busy, 50 environment.
# Tests set SEALPOST_LOCK_WAIT (seconds to wait for another installer), SEALPOST_PROOF_WAIT (seconds
# to wait until a certificate is served) and SEALPOST_HELLOS=no (each look is an openssl process).
# shellcheck disable=SC2317,SC2016 # adapters are called by name; configuration has its own $names
set -eu
umask 077
# A core dump of what reads keys would hold them. Each shell of Linux has -c.
# shellcheck disable=SC3045
ulimit -c 0
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

home=/etc/sealpost
run=
why=

. ./parts/adapter.sh
. ./parts/plan.sh
. ./parts/chains.sh
# The list of adapters. Facts and proofs come in this order: the mail servers first.
. ./adapters/postfix.sh
. ./adapters/postfix-reading.sh
. ./adapters/exim.sh
. ./adapters/exim-reading.sh
. ./adapters/dovecot.sh
. ./adapters/dovecot-reading.sh
. ./adapters/dovecot-room.sh
. ./adapters/courier.sh
. ./adapters/nginx-read.sh
. ./adapters/nginx-find.sh
. ./adapters/nginx-plan.sh
. ./adapters/nginx.sh
. ./adapters/apache-read.sh
. ./adapters/apache.sh
. ./parts/delivery.sh
. ./parts/look.sh
. ./parts/hellos.sh
. ./parts/verified.sh
. ./parts/proxied.sh
. ./parts/logged.sh
. ./parts/check.sh
. ./parts/transaction.sh
. ./parts/kept.sh
. ./parts/webmail.sh
. ./parts/adopt.sh
. ./parts/foreign.sh
. ./parts/inspect.sh
. ./parts/alone.sh
. ./parts/audit.sh

phase() { phase=$1; }

# The one EXIT trap. Exit codes of our own pass. Every other one is a surprise and becomes 50; a
# journal, if there is one, is left for the next run.
leave() {
  status=$?
  trap - EXIT
  [ -z "$run" ] || rm -rf "$run"
  case $status in
    0 | 20 | 30 | 40) ;;
    *)
      echo "sealpost: stopped in phase $phase${why:+: $why}" >&2
      status=50
      ;;
  esac
  exit "$status"
}

stop() {
  why=$2
  exit "$1"
}

# place FROM TO [READER]: writes beside TO, flushes, renames. A reader and a power cut see the old
# file or the new one, never half of it. READER beside root is a group, or `user:NAME`.
place() {
  {
    cp -p "$1" "$2.new" &&
      case ${3-} in
        '') ;;
        user:*) chown "${3#user:}:root" "$2.new" && chmod 0400 "$2.new" ;;
        *) chgrp "$3" "$2.new" && chmod 0640 "$2.new" ;;
      esac &&
      sync "$2.new" &&
      mv -f "$2.new" "$2"
  } || stop 50 "$2 cannot be written"
}

main() {
  phase environment
  trap leave EXIT
  trap 'exit 50' HUP INT TERM
  [ "$(id -u)" = 0 ] || stop 50 'must run as root'
  for tool in openssl flock awk ss ip timeout sync; do
    command -v "$tool" >/dev/null || stop 50 "$tool is missing"
  done
  if [ "${1-}" = inspect ]; then
    inspect_alone
    exit 0
  fi
  # `touch` comes before the redirection below: a redirection that fails ends the shell without a
  # reason.
  { mkdir -p "$home/live" "$home/host" && touch "$home/lock" "$home/domains"; } 2>/dev/null ||
    stop 50 "$home cannot be written"
  # Whoever may enter live/ can try which domains are here.
  chmod 0700 "$home/live"
  chmod 0711 "$home" "$home/host"
  exec 9>"$home/lock"
  flock -w "${SEALPOST_LOCK_WAIT:-120}" 9 || exit 40
  # tmpfs. Only the PEM files are staged on disk, where a rename can put them into place.
  run=$(mktemp -d /run/sealpost.XXXXXX)
  load_adopted
  if [ "${1-}" = undo-adoption ]; then
    if [ -n "${2-}" ]; then undo_one "$2"; else undo_adoption; fi
    exit 0
  fi
  deliver "$1" "$2"
}

# deliver DELIVERY HASH
deliver() {
  delivery=$1 hash=$2
  [ "${#hash}" = 64 ] || stop 50 'the second argument is the sha256 of the delivery'
  read_head "$delivery" >"$run/head" || stop 50 'the delivery is malformed'
  read -r server seq issued_at not_after mode adopt entries webmail_name webmail_file leave_out <"$run/head"
  now=$(date +%s) consent=no
  [ "$adopt" != with-losses ] || consent=yes

  phase sequence
  stored_hash='' stored_seq=0
  [ ! -e "$home/answer" ] || read -r _ stored_hash stored_seq _ <"$home/answer"
  begun_hash='' begun_seq=0
  if [ -e "$home/tx/journal" ]; then
    read -r begun_hash begun_seq _ <"$home/tx/journal"
    [ "$begun_seq" -le "$stored_seq" ] || stored_seq=$begun_seq
  fi
  if [ "$seq" -lt "$stored_seq" ]; then
    printf 'sealpost %s %s stale %s\n\n' "$hash" "$seq" "$stored_seq"
    exit 0
  fi
  if [ "$hash" = "$stored_hash" ] && [ "$begun_hash" != "$hash" ]; then
    say_answer
  fi

  phase baseline
  baseline
  if [ -n "$begun_hash" ]; then
    phase recover
    recover
    [ "$hash" != "$begun_hash" ] || say_answer
  fi
  # A clock that is ahead looks like a delivery that waited: both are `expired`.
  if [ "$now" -gt "$not_after" ]; then
    printf 'sealpost %s %s expired\n\n' "$hash" "$seq"
    exit 0
  fi
  [ "$now" -ge $((issued_at - 300)) ] ||
    stop 50 "this clock is $((issued_at - now)) s behind the one that wrote the delivery"

  case $mode in
    install) install_entries ;;
    verify) verify ;;
    inspect) inspect_server ;;
  esac
  if [ "$mode" = verify ] || [ -s "$run/rows" ]; then audit; fi
  say_answer
}

# write_answer OUTCOME LETTERS FACTS: stores the answer by one rename. Only say_answer prints it.
# SSM cuts output at 24,000 characters, so the facts come last: the next inspection gives them
# again.
write_answer() {
  outcome=$1
  {
    printf 'sealpost %s %s %s\n' "$hash" "$seq" "$outcome"
    sort -n "$2" | awk '{ printf "%s", $2 } END { print "" }'
    sort -n "$2" | awk '$2 !~ /^[sud]$/ && n++ < 100 { print substr($0, 1, 200) }'
    # A line of a plan is what an operator reads and compares, so it is longer.
    awk '{ print substr($0, 1, /^fact plan / ? 600 : 200) }' "$3"
  } | head -c 23000 >"$home/answer.new"
  sync "$home/answer.new"
  mv -f "$home/answer.new" "$home/answer"
  sync "$home"
}

say_answer() {
  cat "$home/answer"
  read -r _ _ _ outcome _ <"$home/answer"
  case $outcome in
    rolled-back) exit 20 ;;
    broken) exit 30 ;;
  esac
  exit 0
}

main "$@"
