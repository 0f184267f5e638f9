# The chains that a daemon serves to a client that sends no name or an unknown name. An adapter
# prints the operator's own chains by X_own_chains, and adoption/X.chain keeps these lines:
#
#   KEY CERT…   the first private key in the file KEY, and all certificates in the files CERT…
#   - FILE…     each private key in these files begins a chain
#
# KEY and CERT may be one file. Two chains have keys of two types, and a client gets the one that it
# understands.

# read_chains LINES DIRECTORY: writes DIRECTORY/1.pem, 2.pem, …: the chains as their files are now,
# each with its key first. False if one of them cannot be served; `fault` then says why.
read_chains() {
  rm -rf "$2"
  mkdir -p "$2"
  # Adoption once wrote a line for each file, the key first.
  own_lines=$(awk 'NF > 1 { lines = 1 } { line[NR] = $0 } END { for (i = 1; i <= NR; i++) printf "%s", line[i] (lines ? "\n" : " ") }' "$1")
  case $own_lines in
    '') fault='no certificate is known' && return 1 ;;
    *' '*' '*) ;;
    *' ') own_lines="$own_lines$own_lines" ;;
  esac
  while read -r own_line; do
    # shellcheck disable=SC2086
    read_chain "$2" $own_line || return 1
  done <<-EOT
	$own_lines
	EOT
}

# read_chain DIRECTORY KEY FILE…
read_chain() {
  chains=$1 own_key=$2
  shift 2
  [ "$own_key" = '-' ] || set -- "$own_key" "$@"
  for own in "$@"; do
    [ -s "$own" ] || { fault="$own is missing or empty" && return 1; }
  done
  before=$(find "$chains" -name '*.pem' | wc -l)
  # A file may have its key after its certificate, or what is neither.
  awk -v to="$chains/" -v n="$before" -v each="$own_key" '
    FNR == 1 { file++ }
    { sub(/\r$/, "") }
    /^-----BEGIN / {
      inside = 1
      block = ""
      isKey = /PRIVATE KEY-----$/ && (each == "-" || file == 1 && !keys++)
      isCertificate = /CERTIFICATE-----$/ && (each == "-" || file > 1)
    }
    inside { block = block $0 "\n" }
    /^-----END / {
      inside = 0
      if (isKey) { n++; pem = to n ".pem" }
      if ((isKey || isCertificate) && pem != "") printf "%s", block > pem
    }' "$@"
  after=$(find "$chains" -name '*.pem' | wc -l)
  [ "$after" -gt "$before" ] || { fault="no private key is in $*" && return 1; }
  while [ "$before" -lt "$after" ]; do
    before=$((before + 1))
    fault=$(pair_fault "$chains/$before.pem")
    [ -z "$fault" ] || { fault="$fault: $*" && return 1; }
  done
}

# pair_fault PEM: prints why key and certificate cannot be served together, or nothing.
pair_fault() {
  pair_key=$(openssl pkey -in "$1" -pubout -passin pass: 2>/dev/null </dev/null) || {
    echo 'the private key is encrypted or cannot be read'
    return
  }
  pair_leaf=$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null) || {
    echo 'no certificate follows the private key, or the certificate cannot be read'
    return
  }
  [ "$pair_key" = "$pair_leaf" ] || echo 'the private key is not the key of the certificate'
}

# unlike_served DIRECTORY: prints a port that serves another certificate by default than these
# chains, or nothing: the daemon read its files before they changed, so its next reload would change
# what it serves.
unlike_served() {
  for port in ${serving-}; do
    listens "$port" || continue
    hello "$port" "${addresses%% *}" -noservername | openssl x509 -outform DER 2>/dev/null >"$run/served.der" || continue
    for own in "$1"/*.pem; do
      ! openssl x509 -in "$own" -outform DER | cmp -s - "$run/served.der" || return 0
    done
    echo "port $port serves another certificate than this file has now: reload the daemon, and see that it is well"
    return
  done
}

key_type() { openssl x509 -in "$1" -noout -text 2>/dev/null </dev/null | sed -n 's/.*Public Key Algorithm: //p'; }

is_rsa() { [ "$(key_type "$1")" = rsaEncryption ]; }

# default_chains DAEMON LIST: writes $run/chains.DAEMON/1.pem, 2.pem, …: what the daemon serves by
# default. This is the host's own certificate as soon as LIST has one. Until then these are the
# operator's own chains, as the operator renews them. False if the operator's files cannot be served
# now. A web server gets the host's certificate only if the host has a web name, because its default
# may be the operator's main web site.
# The operator's RSA chain stays beside a host's certificate with another type of key, as long as it
# is valid for the host's name: otherwise a client that knows only RSA would be served nothing.
default_chains() {
  host=$(awk -v web="$(is_web "$1" && echo yes)" '$2 == "host" && (!web || $6 != "-") { print $1; exit }' "$2")
  rm -rf "$run/chains.$1"
  if [ -z "$host" ]; then
    read_chains "$adoption/$1.chain" "$run/chains.$1"
    return
  fi
  read_chains "$adoption/$1.chain" "$run/own.$1" || :
  mkdir "$run/chains.$1"
  cp "$home/live/$host.pem" "$run/chains.$1/1.pem"
  ! is_rsa "$run/chains.$1/1.pem" || return 0
  for own in "$run/own.$1"/*.pem; do
    if [ -e "$own" ] && is_rsa "$own" && is_valid_here "$own"; then
      cp "$own" "$run/chains.$1/2.pem"
      return
    fi
  done
}

# costs_of_rsa DIRECTORY [alone]: prints what a client that knows only RSA loses as soon as the host
# has a certificate of its own, or nothing. `alone`: the daemon has one chain for all.
costs_of_rsa() {
  grep -q ' host ' "$home/domains" 2>/dev/null && return
  for own in "$1"/*.pem; do
    is_rsa "$own" || continue
    if [ "${2-}" = alone ]; then
      echo 'costs clients that know only RSA their TLS as soon as the host has its own certificate, which is ECDSA'
    elif ! is_valid_here "$own"; then
      echo "costs clients that know only RSA their TLS as soon as the host has its own certificate: the RSA certificate is not valid for $server, so it does not stay beside"
    fi
  done
}

# is_valid_here PEM: true if a client that knows this host's name would accept the chain today. A
# daemon may take intermediate certificates from a file of its own, $own_intermediates.
is_valid_here() {
  # shellcheck disable=SC2086
  openssl verify -purpose sslserver -verify_hostname "$server" ${trust--CApath /etc/ssl/certs} -untrusted "$1" \
    -untrusted "${own_intermediates:-$1}" "$1" >/dev/null 2>&1
}

# default_chain DAEMON LIST [GROUP]: for a daemon that has one chain in one file: keeps
# host/DAEMON.pem. True if the file changed.
default_chain() {
  default_chains "$1" "$2" && place_if_new "$run/chains.$1/1.pem" "$home/host/$1.pem" "${3-}"
}

# place_if_new FROM TO [GROUP]: true if TO did not have that content.
place_if_new() {
  ! cmp -s "$1" "$2" || return 1
  place "$1" "$2" "${3-}"
}

# own_chain DAEMON TO: the first of the operator's chains.
own_chain() { read_chains "$adoption/$1.chain" "$run/own.$1" && cat "$run/own.$1/1.pem" >"$2"; }
