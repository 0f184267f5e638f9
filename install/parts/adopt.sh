# Adoption: the lines in the daemons' own files that make them use our files. Three parts are seen
# apart: an adapter reads (X_obstacle, X_loses, X_own_chains), plans (X_plan) and writes (X_adopt).
# What is written is exactly the plan; it is staged and tested before (X_stage). adoption/daemons
# lists what is adopted; adoption/adopting names the daemon whose lines a killed run left half
# written.

adoption=$home/adoption

load_adopted() {
  adopted=
  [ ! -e "$adoption/daemons" ] || adopted=$(tr '\n' ' ' <"$adoption/daemons")
}

is_adopted() {
  case " $adopted " in *" $1 "*) return 0 ;; esac
  return 1
}

# is_lost DAEMON: true if the daemon was adopted and its configuration does not use our files any
# more. A configuration with an error is not lost: our lines in it are needed again once the error
# is mended.
is_lost() { ! "$1_asks" && [ -z "$("$1_obstacle")" ]; }

# Takes out what is left of our lines, so that the daemon can be adopted again.
drop_adoption() {
  "$1_undo"
  grep -vx "$1" "$adoption/daemons" >"$run/daemons" || :
  place "$run/daemons" "$adoption/daemons"
  load_adopted
}

# mark_adopting DAEMON: an adapter calls this before it writes its first line. Everything that undo
# needs is then on disk.
mark_adopting() {
  find "$adoption" -type f -exec sync {} +
  echo "$1" >"$adoption/adopting.new"
  mv "$adoption/adopting.new" "$adoption/adopting"
  sync "$adoption"
}

undo_half_adoption() {
  [ -e "$adoption/adopting" ] || return 0
  read -r half <"$adoption/adopting"
  "${half}_undo"
  rm -f "$adoption/adopting"
}

# adopt DAEMON PORTS: stages and tests what the plan says, writes it, and looks whether PORTS serve
# what they served before. Sets `state` and `reason`:
#   adopted  the daemon uses our files now
#   refused  a test before the writing failed; nothing has changed
#   undone   the daemon served something else, so the lines are out again
#   broken   the lines are out again, and the daemon still serves something else
adopt() {
  mkdir -p "$adoption"
  served_now "$1" "$2" >"$run/before"
  state=refused
  if has "$1" stage; then
    rm -rf "$run/staged"
    mkdir "$run/staged"
    reason=$("$1_stage" "$run/staged" 2>&1 | head -n 1)
    [ -z "$reason" ] || return 0
  fi
  began=$(date +%s) reason='its configuration does not take our lines'
  if "$1_adopt" && serves_as_before "$1" "$2" "$consent" && is_logged_well "$1"; then
    { cat "$adoption/daemons" 2>/dev/null || :; echo "$1"; } >"$run/daemons"
    place "$run/daemons" "$adoption/daemons"
    rm -f "$adoption/adopting"
    load_adopted
    state=adopted reason=
    return
  fi
  state=undone why_undone=$reason
  undo_half_adoption >&2
  serves_as_before "$1" "$2" no || state=broken
  reason=$why_undone
}

# What an RSA client and an ECDSA client are: one that knows signatures of this kind only.
only_rsa='-cipher aRSA -sigalgs RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512'
only_ecdsa='-cipher aECDSA -sigalgs ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512'

# served_now DAEMON PORTS: prints `PORT@ADDRESS CLIENT CHAIN` for each chain that a place serves: to
# a client that sends no name, and at the first address of a port also to one that knows only RSA,
# only ECDSA, that sends the host's name or a name that the daemon serves by itself. CHAIN is as a
# hello prints it. With a certificate of ours on record for a name, adoption is meant to change what
# is served for it. These are a hundred looks; openssl makes those that no hello confirms.
served_now() {
  names=
  grep -q '^[^ ]* host ' "$home/domains" || names=$server
  [ -s "$home/domains" ] || ! has "$1" known || names="$names $("$1_known")"
  for port in $2; do
    listens "$port" || continue
    near=${addresses%% *}
    for asked in rsa ecdsa; do echo "$port@$near,$asked $port $near default $asked any -"; done
    for asked in $names; do echo "$port@$near,$asked $port $near $asked any any -"; done
    for address in $addresses; do echo "$port@$address,any $port $address default any any -"; done
  done >"$run/clients"
  : >"$run/shown"
  ! can_hello || hellos 0 <"$run/clients" | sed 's/,/ /' >"$run/shown" || :
  cat "$run/shown"
  # Where a client without a limit is shown a chain, one with a limit that is shown none gets none.
  awk '
    FILENAME == ARGV[1] { shown[$1, $2] = 1; next }
    { client = $1; sub(/.*,/, "", client); place = $2 "@" $3 }
    !((place, client) in shown) && !($5 != "any" && (place, "any") in shown) { print client, $0 }' "$run/shown" "$run/clients" |
    while read -r client _ port at asked keys _; do
      case $asked in default) asked=-noservername ;; *) asked="-servername $asked" ;; esac
      case $keys in rsa) asked="$asked $only_rsa" ;; ecdsa) asked="$asked $only_ecdsa" ;; esac
      # shellcheck disable=SC2086
      hello "$port" "$at" $asked -showcerts >"$run/chain" || :
      [ -z "$(chain_in "$run/chain")" ] || echo "$port@$at $client $(chain_in "$run/chain")"
    done
}

# chain_in FILE: prints the certificates in it as a hello does.
chain_in() {
  awk '
    /^-----BEGIN CERTIFICATE-----/ { inside = 1; printf "%s", (n++ ? "," : ""); next }
    /^-----END CERTIFICATE-----/ { inside = 0 }
    inside { printf "%s", $0 }' "$1"
}

# serves_as_before DAEMON PORTS CONSENT: true as soon as PORTS serve what they served before, at two
# looks with a second between them, because an old process may answer the first one. With CONSENT
# `yes` a key type may be lost. If not true within 15 s, `reason` says what is different.
serves_as_before() {
  look_until=$(($(date +%s) + 15)) looks_well=0
  while [ "$looks_well" -lt 2 ]; do
    sleep 1
    served_now "$1" "$2" >"$run/after"
    reason=$(difference "$3")
    looks_well=$((looks_well + 1))
    [ -n "$reason" ] || continue
    looks_well=0
    [ "$(date +%s)" -lt "$look_until" ] || return 1
  done
}

# difference CONSENT: prints the first difference between what was served before and after. The
# host's own certificate of ours, if it is on record, may take the place of what was there.
difference() {
  own_place=$(awk '$2 == "host" { print $1; exit }' "$home/domains") ours=
  [ -z "$own_place" ] || ours=$(chain_in "$home/live/$own_place.pem")
  awk -v consent="$1" -v own="$ours" '
    BEGIN {
      to["any"] = "a client that sends no name"
      to["rsa"] = "a client that knows only RSA"
      to["ecdsa"] = "a client that knows only ECDSA"
    }
    FILENAME ~ /after$/ { after[$1, $2] = $3; next }
    { known[$1, $3] = 1; before[++n] = $0 }
    END {
      for (i = 1; i <= n; i++) {
        split(before[i], part, " ")
        now = after[part[1], part[2]]
        if (now == part[3] || own != "" && now == own) continue
        isKey = part[2] == "rsa" || part[2] == "ecdsa"
        if (consent == "yes" && (now == "" ? isKey : (part[1], now) in known)) continue
        split(part[1], at, "@")
        client = part[2] in to ? to[part[2]] : "a client that sends the name " part[2]
        print "port " at[1] " served " (now == "" ? "no certificate" : "another chain") " at " at[2] " to " client
        exit
      }
    }' "$run/after" "$run/before"
}

# is_logged_well DAEMON: false if the daemon has logged an error since it was adopted; `reason` is
# the error.
is_logged_well() {
  has "$1" log || return 0
  reason=$("$1_log" "$began" | head -n 1)
  [ -z "$reason" ] || { reason="it logged: $reason" && return 1; }
}

# undo_one DAEMON: takes out the adoption of one daemon. What it serves of ours ends with that, so
# this is for a daemon that the registration leaves out.
undo_one() {
  phase undo
  undo_half_adoption
  is_adopted "$1" || stop 50 "$1 is not adopted; adopted: ${adopted:-nothing}"
  drop_adoption "$1"
}

# Prints a line `kept FILE: …` for each file in which a person's later change stays.
undo_adoption() {
  phase undo
  undo_half_adoption
  for daemon in $adopted; do "${daemon}_undo"; done
  rm -rf "$adoption"
}
