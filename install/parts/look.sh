# Handshakes that look at what is served, at the places where customers look. An openssl process
# costs 10 to 17 ms and is most of a delivery's time. So one look is one s_client and one awk, and
# each daemon is looked at in a process of its own.
#
# A place is a port and an address on which a process listens. A daemon may serve another
# certificate at each address, and only to some names. With N names and P places, all of both would
# be N * P looks. Names and addresses are independent settings, so a delivery looks for each name at
# one place and for one name at each place: N + P looks. A host with 7 ports, IPv4 and IPv6 has P =
# 28 and pays 0.4 s for P. Only if a place does not show that one name, each name is looked for
# there.

# Sets addresses_PORT for each port on which a process listens: each address of it, first the ones
# that customers use. A wildcard is each address of this host and loopback, of its own family only
# (`*` is both).
find_listeners() {
  { ip -o addr show scope global && ss -Hltn; } 2>/dev/null | awk '
    function add(port, class, list,   i, n, one) {
      n = split(list, one, " ")
      for (i = 1; i <= n; i++) if (!((port, one[i]) in seen)) { seen[port, one[i]] = 1; at[port, class] = at[port, class] " " one[i] }
      ports[port] = 1
    }
    function each(port, family) { add(port, family, own[family]); add(port, "lo" family, family == 4 ? "127.0.0.1" : "[::1]") }
    $3 ~ /^inet6?$/ {
      if (/ (tentative|dadfailed|deprecated)/) next
      sub(/\/.*/, "", $4)
      if ($3 == "inet") own[4] = own[4] " " $4; else own[6] = own[6] " [" $4 "]"
      next
    }
    $1 != "LISTEN" { next }
    {
      n = split($4, part, ":"); port = part[n]; address = substr($4, 1, length($4) - length(port) - 1)
      sub(/%[^]]*/, "", address)
      if (address ~ /^\[::ffff:[0-9.]+\]$/) { sub(/^\[::ffff:/, "", address); sub(/\]$/, "", address) }
      if (port !~ /^[0-9]+$/ || address !~ /^[][0-9a-f.:*]+$/) next
    }
    address == "*" { each(port, 4); each(port, 6); next }
    address == "0.0.0.0" { each(port, 4); next }
    address == "[::]" { each(port, 6); next }
    { add(port, (address ~ /^(127\.|\[::1\])/ ? "lo" : "") (address ~ /^\[/ ? 6 : 4), address) }
    END {
      for (port in ports)
        print "addresses_" port "=\"" substr(at[port, 4] at[port, 6] at[port, "lo4"] at[port, "lo6"], 2) "\""
    }' >"$run/listeners"
  # shellcheck source=/dev/null
  . "$run/listeners"
}

# listens PORT: true if a process listens there; sets `addresses`. A fork costs as much as a look,
# so this function and the ones below use no subshell.
listens() {
  eval "addresses=\${addresses_$1-}"
  [ -n "$addresses" ]
}

# hello PORT ADDRESS ARGUMENT…: one handshake; prints the report of s_client.
hello() {
  case $1 in
    25 | 587) hello_by='-starttls smtp' ;;
    143) hello_by='-starttls imap' ;;
    110) hello_by='-starttls pop3' ;;
    *) hello_by= ;;
  esac
  hello_how=-connect hello_to=$2:$1
  ! is_proxied "$1" "$2" || hello_how=-unix hello_to=$run/proxied.$2:$1
  shift 2
  # shellcheck disable=SC2086
  timeout 10 openssl s_client "$hello_how" "$hello_to" $hello_by "$@" </dev/null 2>/dev/null
}

# answers PORT [DAEMON]: true if a place of the port answers TLS; sets `address` to the first that
# does.
answers() {
  listens "$1" || return 1
  for address in $addresses; do
    ! answers_at "$1" "$address" "${2-}" || return 0
  done
  return 1
}

# answers_at PORT ADDRESS [DAEMON]: true if the place shows a certificate to a client that sends no
# name, this server's name, or a name that the daemon serves by its own configuration.
answers_at() {
  case ${answering-} in *" $1@$2 "*) return 0 ;; esac
  ! shows_leaf "$1" "$2" -noservername || return 0
  for known in "$server" $(! has "${3-}" known || "$3_known"); do
    ! shows_leaf "$1" "$2" -servername "$known" || return 0
  done
  return 1
}

# look_around DAEMON: asks all places of the daemon by hellos without a name, and sets `answering`
# to those that show a certificate now. A caller that looks later empties it.
look_around() {
  answering=
  can_hello || return 0
  answering=" $(for port in $("$1_ports"); do
    ! listens "$port" || for address in $addresses; do echo "$port@$address $port $address default any any -"; done
  done | hellos 0 | sed 's/ .*//' | tr '\n' ' ')"
}

shows_leaf() { hello "$@" | grep -q 'BEGIN CERTIFICATE'; }

# note_places PORT DAEMON: adds the places of the port that answer TLS to $run/places: PORT@ADDRESS.
note_places() {
  listens "$1" || return 0
  for address in $addresses; do
    ! answers_at "$1" "$address" "$2" || echo "$1@$address" >>"$run/places"
  done
}

# trust_roots FILE: handshakes trust the host's own roots and those in FILE. The host's roots come
# from the directory of hashes, because a bundle costs 15 ms a handshake.
trust_roots() {
  trust='-CApath /etc/ssl/certs'
  cp "$1" "$run/roots.pem"
  [ ! -s "$run/roots.pem" ] || trust="$trust -CAfile $run/roots.pem"
}

# served PORT ADDRESS NAME PEM HOW: one look. NAME `default` sends no name; the server's own is
# expected. HOW is what the port must serve:
#   new    the leaf of PEM, and the chain verifies for this name up to a root that this host or the
#          delivery trusts
#   old    the leaf of PEM; the chain is not verified
#   gone   a leaf that is not the one of PEM
served() {
  case $3 in
    default) asked=-noservername whose=$server ;;
    *) asked="-servername $3" whose=$3 ;;
  esac
  # shellcheck disable=SC2086
  case $5 in
    new) hello "$1" "$2" $asked -verify_hostname "$whose" -verify_return_error $trust ;;
    *) hello "$1" "$2" $asked ;;
  esac | awk -v how="$5" '
    FNR == 1 { stream++ }
    /^-----BEGIN CERTIFICATE-----/ { inside = 1; next }
    /^-----END CERTIFICATE-----/ { inside = 0; done[stream] = 1 }
    inside && !done[stream] { leaf[stream] = leaf[stream] $0 }
    /^Verification: OK/ { verified = 1 }
    END {
      if (leaf[1] == "" || leaf[2] == "") exit 1
      if (how == "gone") exit leaf[1] == leaf[2]
      exit leaf[1] != leaf[2] || how == "new" && !verified
    }' "$4" -
}

# Before anything changes: sets `alive`, the adopted daemons that answer, and place_DAEMON, the port
# and the address at which each name is looked for. A port that answered at the inspection and does
# not answer now is reported as a fact. It is never a reason to roll back.
baseline() {
  alive='' own_places=' '
  : >"$run/facts"
  find_listeners
  [ ! -e "$adoption/places" ] || own_places=" $(tr '\n' ' ' <"$adoption/places")"
  read_proxied "$adoption/proxied"
  for daemon in $adopted; do
    first_answering "$daemon" >"$run/place.$daemon" 9>&- &
  done
  wait
  for daemon in $adopted; do
    read -r port address <"$run/place.$daemon" || continue
    alive="$alive $daemon"
    eval "place_$daemon='$port $address'"
  done
  [ -e "$adoption/ports" ] || return 0
  while read -r port daemon; do
    if is_adopted "$daemon" && ! listens "$port"; then fact port-dead "$port"; fi
  done <"$adoption/ports"
}

first_answering() {
  look_around "$1"
  for port in $("$1_ports"); do
    if answers "$port" "$1"; then
      echo "$port $address"
      return
    fi
  done
}

# prove LIST SECONDS: looks for each line `place mail-name web-name PEM how` of LIST on each daemon
# that is alive; of LIST.DAEMON, if there is one. It repeats a look for at most SECONDS a daemon;
# after that each line gets one look.
# An adapter that knows that its change failed writes $run/hopeless.DAEMON: nothing is repeated.
# Writes a line `place daemon port address` into $run/unseen for each certificate that was not
# served.
prove() {
  for daemon in $alive; do
    list=$1
    [ ! -e "$1.$daemon" ] || list=$1.$daemon
    : >"$run/unseen.$daemon"
    [ ! -s "$list" ] || prove_on "$daemon" "$list" "$2" >"$run/unseen.$daemon" 9>&- &
  done
  wait
  for daemon in $alive; do
    cat "$run/unseen.$daemon"
  done >"$run/unseen"
}

prove_on() {
  deadline=$(($(date +%s) + $3)) named='' unnamed='' answering=
  [ ! -e "$run/hopeless.$1" ] || deadline=0
  eval "first=\$place_$1"
  # shellcheck disable=SC2086
  prove_at "$1" $first "$2"
  # What was served at the first place is looked for at all others: one name, and no name.
  printf '%s\n' "$named" "$unnamed" | grep . >"$run/sample.$1" || return 0
  id=0
  for port in $("$1_ports"); do
    listens "$port" || continue
    for address in $addresses; do
      if [ "$port $address" = "$first" ] || ! is_own_place "$port" "$address" "$1"; then continue; fi
      hello_lines "$1" "$port" "$address" "$run/sample.$1"
    done
  done >"$run/hello.$1"
  confirm "$1"
  awk '!seen[$2, $3]++ { print $2, $3 }' "$run/left.$1" >"$run/odd.$1"
  while read -r port address; do
    look_at "$1" "$port" "$address" "$run/sample.$1" >"$run/unseen.$1.at"
    [ ! -s "$run/unseen.$1.at" ] || prove_at "$1" "$port" "$address" "$2"
  done <"$run/odd.$1"
}

# is_own_place PORT ADDRESS DAEMON: false for a place that answers no TLS now and answered none at
# the inspection: nobody's handshake ends there.
is_own_place() {
  case $own_places in *" $1@$2 "*) return 0 ;; esac
  answers_at "$@"
}

# prove_at DAEMON PORT ADDRESS LIST: sets `named` and `unnamed` to the first line that was served by
# a name, and without one. A line `gone` stands for no other place: what was there before is not
# known. Hellos confirm what they can, and openssl looks for the rest.
prove_at() {
  id=0
  hello_lines "$@" >"$run/hello.$1"
  confirm "$1"
  # A hello is half a handshake, so openssl makes a whole one for the first name that a daemon
  # serves. If that one fails, no hello of this list counts.
  while read -r _ _ _ name _ how pem domain mail web; do
    [ -n "$named" ] || case $how-$name in
      new-default) ;;
      new-*) served "$2" "$3" "$name" "$pem" new || { cp "$run/hello.$1" "$run/left.$1" && break; } ;;
    esac
    note_served
    [ -z "$named" ] || [ -z "$unnamed" ] || break
  done <"$run/confirmed.$1"
  awk '{ print $8, $9, $10, $7, $6 }' "$run/left.$1" >"$run/list.$1"
  look_at "$1" "$2" "$3" "$run/list.$1"
}

# look_at DAEMON PORT ADDRESS LIST: the same by openssl alone.
look_at() {
  while read -r domain mail web pem how; do
    name_on "$1" "$mail" "$web" || continue
    until served "$2" "$3" "$name" "$pem" "$how"; do
      if [ "$(date +%s)" -ge "$deadline" ]; then
        echo "$domain $1 $2 $3"
        continue 2
      fi
      sleep 0.2
    done
    note_served
  done <"$4"
}

note_served() {
  case $how-$name in
    gone-*) ;;
    *-default) : "${unnamed:=$domain $mail $web $pem $how}" ;;
    *) : "${named:=$domain $mail $web $pem $how}" ;;
  esac
}
