# Adoption: the lines in the daemons' own files that make them use our files. They are written once,
# only when the delivery says `adopt yes`, and each can be undone. adoption/daemons lists what is
# adopted; adoption/adopting names the daemon whose lines a killed run left half written.

adoption=$home/adoption

load_adopted() {
  adopted=
  [ ! -e "$adoption/daemons" ] || adopted=$(tr '\n' ' ' <"$adoption/daemons")
}

is_adopted() {
  case " $adopted " in *" $1 "*) return 0 ;; esac
  return 1
}

# default_chain DAEMON LIST [GROUP]: keeps host/DAEMON.pem, which the daemon serves to a client that
# sends no name or an unknown one. The file holds the host's own certificate as soon as LIST has
# one. Until then it holds what the daemon served before adoption, as its operator renews it. True
# if the file changed. A web server gets the host's certificate only if the host has a web name,
# because its default may be the operator's main web site.
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

# own_chain DAEMON TO: copies the operator's own files of this daemon, key first, as they are now.
own_chain() {
  : >"$2"
  while read -r own; do
    cat "$own" >>"$2" 2>/dev/null || return 1
  done <"$adoption/$1.chain"
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

# adopt DAEMON PORT: true if the daemon uses our files now and serves on PORT what it served before.
# If not, its lines are taken out again.
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
