# Looking at what is served. An openssl process costs 10 to 17 ms and is most of a delivery's time, so a look is one
# s_client and one awk, and each daemon is looked at in a process of its own.

# Sets address_PORT for each of our ports on which somebody listens.
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

# listens PORT: and sets `address`. Without a subshell, like all below that runs once a look: a fork costs as much as a look.
listens() {
  eval "address=\${address_$1-}"
  [ -n "$address" ]
}

# hello PORT ARGUMENT…: one handshake; s_client's report.
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

# trust_roots FILE: the host's own roots (a directory by hash is read as needed, a bundle costs 15 ms a handshake) and FILE's.
trust_roots() {
  trust='-CApath /etc/ssl/certs'
  cp "$1" "$run/roots.pem"
  [ ! -s "$run/roots.pem" ] || trust="$trust -CAfile $run/roots.pem"
}

# served PORT NAME PEM HOW (NAME `default`: asked without a name, and good for the server's own)
#   new    PEM's leaf, and the handshake verifies up to a root that this host or the delivery trusts, for this name
#   old    PEM's leaf, whatever it is worth
#   gone   some certificate that is not PEM's
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

# Which adopted daemons answer at all before anything is touched: `alive`, and port_DAEMON to look at. A port that was
# there at adoption and does not answer now is a finding, never a reason to roll back.
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

is_web() {
  case " $web_daemons " in *" $1 "*) return 0 ;; esac
  return 1
}

has_one_certificate() {
  case " $one_certificate " in *" $1 "*) return 0 ;; esac
  return 1
}

# name_on DAEMON MAIL-NAME WEB-NAME: sets `name`, to look with; false if this daemon has no part in it.
name_on() {
  if is_web "$1"; then name=$3; else name=$2; fi
  ! has_one_certificate "$1" || case $name in default | "$server") ;; *) name=- ;; esac
  [ "$name" != - ]
}

# prove LIST SECONDS: looks for each line `domain mail-name web-name PEM how` on each daemon that is alive, for at most
# SECONDS a daemon (after that once a line). What was not seen: lines `domain daemon port` in $run/unseen.
prove() {
  for daemon in $alive; do
    eval "port=\$port_$daemon"
    prove_on "$daemon" "$port" "$1" "$2" >"$run/unseen.$daemon" 9>&- &
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
