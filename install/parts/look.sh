# Handshakes that look at what is served. An openssl process costs 10 to 17 ms and is most of a
# delivery's time. So one look is one s_client and one awk, and each daemon is looked at in a
# process of its own.

# Sets address_PORT for each port of mail or webmail on which a process listens.
find_listeners() {
  ss -Hltn | awk '
    { n = split($4, part, ":"); port = part[n]; address = substr($4, 1, length($4) - length(port) - 1) }
    port !~ /^(25|110|143|443|465|587|993|995)$/ || address !~ /^[][0-9a-f.:*]+$/ { next }
    address ~ /^(\*|0\.0\.0\.0|\[::\])$/ { address = "127.0.0.1" }
    !(port in at) || address == "127.0.0.1" { at[port] = address }
    END { for (port in at) print "address_" port "=" at[port] }' >"$run/listeners"
  # shellcheck source=/dev/null
  . "$run/listeners"
}

# listens PORT: true if a process listens there; sets `address`. A fork costs as much as a look, so
# this function and the ones below use no subshell.
listens() {
  eval "address=\${address_$1-}"
  [ -n "$address" ]
}

# hello PORT ARGUMENT…: one handshake; prints the report of s_client.
hello() {
  listens "$1" || return 1
  hello_at=$address:$1
  case $1 in
    25 | 587) hello_by='-starttls smtp' ;;
    143) hello_by='-starttls imap' ;;
    110) hello_by='-starttls pop3' ;;
    *) hello_by= ;;
  esac
  shift
  # shellcheck disable=SC2086
  timeout 10 openssl s_client -connect "$hello_at" $hello_by "$@" </dev/null 2>/dev/null
}

answers() { hello "$1" -noservername | grep -q 'BEGIN CERTIFICATE'; }

# trust_roots FILE: handshakes trust the host's own roots and those in FILE. The host's roots come
# from the directory of hashes, because a bundle costs 15 ms a handshake.
trust_roots() {
  trust='-CApath /etc/ssl/certs'
  cp "$1" "$run/roots.pem"
  [ ! -s "$run/roots.pem" ] || trust="$trust -CAfile $run/roots.pem"
}

# served PORT NAME PEM HOW: one look. NAME `default` sends no name; the server's own is expected.
# HOW is what the port must serve:
#   new    the leaf of PEM, and the chain verifies for this name up to a root that this host or the
#          delivery trusts
#   old    the leaf of PEM; the chain is not verified
#   gone   a leaf that is not the one of PEM
served() {
  case $2 in
    default) asked=-noservername whose=$server ;;
    *) asked="-servername $2" whose=$2 ;;
  esac
  # shellcheck disable=SC2086
  case $4 in
    new) hello "$1" $asked -verify_hostname "$whose" -verify_return_error $trust ;;
    *) hello "$1" $asked ;;
  esac | awk -v how="$4" '
    FNR == 1 { stream++ }
    /^-----BEGIN CERTIFICATE-----/ { inside = 1; next }
    /^-----END CERTIFICATE-----/ { inside = 0; done[stream] = 1 }
    inside && !done[stream] { leaf[stream] = leaf[stream] $0 }
    /^Verification: OK/ { verified = 1 }
    END {
      if (leaf[1] == "" || leaf[2] == "") exit 1
      if (how == "gone") exit leaf[1] == leaf[2]
      exit leaf[1] != leaf[2] || how == "new" && !verified
    }' "$3" -
}

# Before anything changes: sets `alive`, the adopted daemons that answer, and port_DAEMON, the port
# to look at. A port that answered at the inspection and does not answer now is reported as a fact.
# It is never a reason to roll back.
baseline() {
  alive=
  : >"$run/facts"
  find_listeners
  for daemon in $adopted; do
    first_answering "$daemon" >"$run/port.$daemon" 9>&- &
  done
  wait
  for daemon in $adopted; do
    read -r port <"$run/port.$daemon" || continue
    alive="$alive $daemon"
    eval "port_$daemon=$port"
  done
  [ -e "$adoption/ports" ] || return 0
  while read -r port daemon; do
    if is_adopted "$daemon" && ! listens "$port"; then fact port-dead "$port"; fi
  done <"$adoption/ports"
}

first_answering() {
  for port in $("$1_ports"); do
    if answers "$port"; then
      echo "$port"
      return
    fi
  done
}

# prove LIST SECONDS: looks for each line `place mail-name web-name PEM how` of LIST on each daemon
# that is alive; of LIST.DAEMON, if there is one. It repeats a look for at most SECONDS a daemon;
# after that each line gets one look.
# Writes a line `place daemon port` into $run/unseen for each certificate that was not served.
prove() {
  for daemon in $alive; do
    eval "port=\$port_$daemon"
    list=$1
    [ ! -e "$1.$daemon" ] || list=$1.$daemon
    prove_on "$daemon" "$port" "$list" "$2" >"$run/unseen.$daemon" 9>&- &
  done
  wait
  for daemon in $alive; do
    cat "$run/unseen.$daemon"
  done >"$run/unseen"
}

prove_on() {
  deadline=$(($(date +%s) + $4))
  while read -r domain mail web pem how; do
    name_on "$1" "$mail" "$web" || continue
    until served "$2" "$name" "$pem" "$how"; do
      if [ "$(date +%s)" -ge "$deadline" ]; then
        echo "$domain $1 $2"
        break
      fi
      sleep 0.2
    done
  done <"$3"
}
