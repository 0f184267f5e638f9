#!/bin/sh
# sealpost on a mail server: one delivery, one transaction.
#
#   installer.sh DELIVERY HASH     does what the delivery says and prints the answer (SSM runs this, as root)
#   installer.sh undo-adoption     puts back every line that adoption wrote into the daemons' own files
#
# What it may touch: /etc/sealpost, and what adoption wrote (adopt.sh; printed by `inspect` before anything is written).
# What it promises: nothing is reported as served that was not seen served, by SNI, with a chain that ends in a trusted
# root; what cannot be seen is put back; killed at any point, the next run goes forward if what is there verifies, else back.
#
#   /etc/sealpost/live/PLACE.pem    key, leaf, chain in one file: one rename switches both, never two
#                 host/DAEMON.pem   what a daemon serves without a name it knows
#                 domains           one line each: place kind certificate leaf mail-name web-name names…; a place is a
#                                   domain, or DOMAIN@mail or DOMAIN@webmail where that has a certificate of its own
#                 sni.lmdb, dovecot.d/, nginx-names   made from `domains`
#                 answer            the last answer; its first line holds hash and sequence number
#                 adoption/         what the daemons' own files said before us
#                 tx/               the delivery under way; tx/journal is there from "go" to "done"
#
# Exit: 0 answered, 20 rolled back, 30 broken (the old one is not seen either), 40 busy, 50 environment.
# Set by tests: SEALPOST_LOCK_WAIT (seconds to wait for another installer), SEALPOST_PROOF_WAIT (seconds to wait for a proof).
# shellcheck disable=SC2317,SC2016 # the adapters are called by daemon name; nginx has $names of its own
set -eu
umask 077
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

home=/etc/sealpost
run=
why=
# Each has its adapter; docs/servers/adding-one.md says what an adapter is.
mail_daemons='postfix exim dovecot courier'
web_daemons='nginx apache'
daemons="$mail_daemons $web_daemons"
# Those that get one certificate for all names, the host's own.
one_certificate='courier'

. ./adapters/postfix.sh
. ./adapters/exim.sh
. ./adapters/dovecot.sh
. ./adapters/courier.sh
. ./adapters/nginx.sh
. ./adapters/apache.sh
. ./parts/delivery.sh
. ./parts/look.sh
. ./parts/transaction.sh
. ./parts/adopt.sh
. ./parts/foreign.sh
. ./parts/inspect.sh
. ./parts/audit.sh

phase() { phase=$1; }

# The one EXIT trap. A status of our own passes; anything else is a surprise, and the journal (if any) is for the next run.
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

# place FROM TO [GROUP]: beside, flushed, renamed: a reader sees the old file or the new one, and so does a power cut.
place() {
  {
    cp -p "$1" "$2.new" &&
      { [ -z "${3-}" ] || { chgrp "$3" "$2.new" && chmod 0640 "$2.new"; }; } &&
      sync "$2.new" &&
      mv -f "$2.new" "$2"
  } || stop 50 "$2 cannot be written"
}

main() {
  phase environment
  trap leave EXIT
  trap 'exit 50' HUP INT TERM
  [ "$(id -u)" = 0 ] || stop 50 'must run as root'
  for tool in openssl flock awk ss timeout sync; do
    command -v "$tool" >/dev/null || stop 50 "$tool is missing"
  done
  # `touch` tries first: a redirection that fails ends the shell, without a reason.
  { mkdir -p "$home/live" "$home/host" "$home/dovecot.d" && touch "$home/lock" "$home/domains"; } 2>/dev/null || stop 50 "$home cannot be written"
  chmod 0711 "$home" "$home/live" "$home/host"
  exec 9>"$home/lock"
  flock -w "${SEALPOST_LOCK_WAIT:-120}" 9 || exit 40
  # tmpfs: only the PEM files themselves are staged on disk, where they can be renamed into place.
  run=$(mktemp -d /run/sealpost.XXXXXX)
  load_adopted
  if [ "${1-}" = undo-adoption ]; then
    undo_adoption
    exit 0
  fi
  deliver "$1" "$2"
}

# deliver DELIVERY HASH
deliver() {
  delivery=$1 hash=$2
  [ "${#hash}" = 64 ] || stop 50 'the second argument is the sha256 of the delivery'
  read_head "$delivery" >"$run/head" || stop 50 'the delivery is malformed'
  read -r server seq issued_at not_after mode adopt entries <"$run/head"
  now=$(date +%s)

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
  # The clock's other direction cannot be told from a delivery that waited: it shows as `expired`.
  if [ "$now" -gt "$not_after" ]; then
    printf 'sealpost %s %s expired\n\n' "$hash" "$seq"
    exit 0
  fi
  [ "$now" -ge $((issued_at - 300)) ] || stop 50 "this clock is $((issued_at - now)) s behind the one that wrote the delivery"

  case $mode in
    install) install_entries ;;
    verify) verify ;;
    inspect) inspect_server ;;
  esac
  if [ "$mode" = verify ] || [ -s "$run/rows" ]; then audit; fi
  say_answer
}

# write_answer OUTCOME LETTERS FACTS, then the reasons: stored by one rename; only say_answer prints.
# SSM cuts the output at 24,000 characters: what comes last, and can be told again tomorrow, is cut here.
write_answer() {
  outcome=$1
  {
    printf 'sealpost %s %s %s\n' "$hash" "$seq" "$outcome"
    sort -n "$2" | awk '{ printf "%s", $2 } END { print "" }'
    sort -n "$2" | awk '$2 !~ /^[sud]$/ && n++ < 100 { print substr($0, 1, 160) }'
    cut -c 1-200 "$3"
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
