# Adoption: the lines that make the daemons ask us, written once, only when told (`adopt yes`), each reversible.
# adoption/daemons lists what is adopted; adoption/adopting names the one that a killed run left half written.

adoption=$home/adoption

load_adopted() {
  adopted=
  [ ! -e "$adoption/daemons" ] || adopted=$(tr '\n' ' ' <"$adoption/daemons")
}

is_adopted() {
  case " $adopted " in *" $1 "*) return 0 ;; esac
  return 1
}

# default_chain DAEMON LIST [GROUP]: keeps host/DAEMON.pem, what it serves without a name it knows: the host's own
# certificate once there is one, until then what it served before us, renewed by whoever renewed it. True if it changed.
# The web's default is the host's only when the host has a web name: it may be somebody's main web site.
default_chain() {
  host=$(awk -v web="$(is_web "$1" && echo yes)" '$2 == "host" && (!web || $6 != "-") { print $1; exit }' "$2")
  if [ -n "$host" ]; then
    default=$home/live/$host.pem
  else
    default=$run/default.$1
    own_chain "$1" "$default" || return 1
  fi
  ! cmp -s "$default" "$home/host/$1.pem" || return 1
  place "$default" "$home/host/$1.pem" "${3-}"
}

# own_chain DAEMON TO: its own files, key first, as they are now.
own_chain() {
  : >"$2"
  while read -r own; do
    cat "$own" >>"$2" 2>/dev/null || return 1
  done <"$adoption/$1.chain"
}

# is_lost DAEMON: adopted, and by somebody's hand it does not ask us any more, although it could. Where it cannot be told,
# as with an error in its configuration, it is not lost: what is there of ours is still needed once that is mended.
is_lost() { ! "$1_asks" && [ -z "$("$1_obstacle")" ]; }

# What is left of our lines goes, so that it can be adopted as it is now.
drop_adoption() {
  "$1_undo"
  grep -vx "$1" "$adoption/daemons" >"$run/daemons" || :
  place "$run/daemons" "$adoption/daemons"
  load_adopted
}

# Everything that undo needs is on disk before the first line is written.
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

# adopt DAEMON PORT: true if the daemon asks us now and still serves on PORT what it served before.
adopt() {
  mkdir -p "$adoption"
  default_leaf "$2" >"$run/before"
  if "$1_adopt"; then
    tries=0
    while [ "$tries" -lt 15 ]; do
      sleep 1
      default_leaf "$2" >"$run/after"
      if [ -s "$run/after" ] && cmp -s "$run/before" "$run/after"; then
        { cat "$adoption/daemons" 2>/dev/null || :; echo "$1"; } >"$run/daemons"
        place "$run/daemons" "$adoption/daemons"
        rm -f "$adoption/adopting"
        load_adopted
        return 0
      fi
      tries=$((tries + 1))
    done
  fi
  undo_half_adoption
  return 1
}

default_leaf() { hello "$1" -noservername | sed -n '/^-----BEGIN CERTIFICATE/,/^-----END CERTIFICATE/p'; }

undo_adoption() {
  phase undo
  for daemon in $adopted; do "${daemon}_undo"; done
  rm -rf "$adoption"
}
