# Check: what each entry of the delivery needs. No file that a daemon reads has changed yet.

# unusable PEM LEAF: prints why PEM cannot be served, or nothing. Chain and names were checked when
# the certificate was stored, and the delivery's hash protects them since. This checks what can
# differ on this host. Two openssl processes a domain.
unusable() {
  read -r first <"$1" || first=
  case $first in
    '-----BEGIN '*'PRIVATE KEY-----') ;;
    *) echo 'the private key must come first' && return ;;
  esac
  {
    openssl x509 -in "$1" -noout -fingerprint -sha256 -pubkey -checkend 0 || :
    openssl pkey -in "$1" -pubout -passin pass: || :
  } 2>/dev/null </dev/null | awk -v leaf="$2" '
    /Fingerprint=/ { sub(/.*=/, ""); gsub(/:/, ""); found = tolower($0) }
    /^Certificate will expire/ { expired = 1 }
    /BEGIN PUBLIC KEY/ { keys++; inside = 1; next }
    /END PUBLIC KEY/ { inside = 0 }
    inside { key[keys] = key[keys] $0 }
    END {
      if (found == "") print "the certificate cannot be read"
      else if (found != leaf) print "the leaf is not the one that the entry names"
      else if (key[1] == "" || key[1] != key[2]) print "key does not match the leaf"
      else if (expired) print "the certificate has expired"
    }'
}

# Writes $run/reason.PLACE for each new PEM that cannot be served: why. A pair that is not found
# good together with all others is read alone. openssl takes most of that time, so two workers share
# the places.
check_pairs() {
  : >"$run/pairs.good"
  awk '$2 == "install" { print $3, $6 }' "$tx/entries" >"$run/pairs.asked"
  ! can_hello || good_pairs "$tx/new" "$run/pairs" <"$run/pairs.asked" >"$run/pairs.good"
  for worker in 0 1; do
    awk -v worker="$worker" 'FILENAME ~ /good$/ { good[$1] = 1; next } !($1 in good) && FNR % 2 == worker' "$run/pairs.good" "$run/pairs.asked" |
      while read -r domain leaf; do unusable "$tx/new/$domain.pem" "$leaf" >"$run/reason.$domain"; done 9>&- &
  done
  wait
}

# Sorts the entries into tx/decided (`n letter [error text]`), $run/go (to be switched) and
# $run/same (on record as installed).
check() {
  check_pairs
  : >"$tx/decided"
  : >"$run/go"
  : >"$run/same"
  # Puts three fields in front of each entry. The first compares the entry with its line on record:
  # `=` equal, `+` different, `-` no line. The second is the first probe name that the certificate
  # does not cover, or `-`. The third is `NAME=DOMAIN` if another domain has a probe name of the
  # entry on record or earlier in the delivery, or `-`: most daemons refuse a name that comes twice,
  # and then nobody's certificate would be switched. Another name that two domains have is in both
  # certificates, and each daemon serves that of the longer domain.
  awk '
    function covered(probe, i, name) {
      if (probe == "-") return 1
      for (i = 9; i <= NF; i++) {
        name = $i
        if (name == probe || name ~ /^\*\./ && substr(probe, index(probe, ".")) == substr(name, 2)) return 1
      }
      return 0
    }
    function base(place) { sub(/@.*/, "", place); return place }
    # The domain that has this name of this use, other than that of the place; "" if none has.
    function holder(use, name, place,   of) {
      of = owner[use, name]
      if (of == "" || (base(of) in delivered) && !((use, name, of) in wanted)) { owner[use, name] = place; return "" }
      return base(of) == base(place) ? "" : base(of)
    }
    function taken(   of) {
      if ($2 == "remove") return "-"
      if ($7 != "-" && (of = holder("mail", $7, $3)) != "") return $7 "=" of
      if ($8 != "-" && (of = holder("web", $8, $3)) != "") return $8 "=" of
      return "-"
    }
    FILENAME ~ /domains$/ { known[$1] = $0; if ($5 != "-") owner["mail", $5] = $1; if ($6 != "-") owner["web", $6] = $1; next }
    pass == 1 { delivered[base($3)] = 1; wanted["mail", $7, $3] = wanted["web", $8, $3] = 1; next }
    {
      line = $0
      sub(/^[0-9]+ [a-z]+ /, "", line)
      record = !($3 in known) ? "-" : known[$3] == line ? "=" : "+"
      print record, ($2 == "remove" || covered($7) && covered($8) ? "-" : covered($7) ? $8 : $7), taken(), $0
    }' "$home/domains" pass=1 "$tx/entries" pass=2 "$tx/entries" >"$run/entries"
  while read -r known uncovered taken n verb domain kind certificate leaf mail web names; do
    entry="$n $verb $domain $kind $certificate $leaf $mail $web $names"
    if [ "$verb" = remove ]; then
      echo "$entry" >>"$run/go"
      continue
    fi
    if [ -z "$adopted" ]; then
      refuse InstallRefused "this server is not adopted$(why_not_adopted)"
      continue
    fi
    if [ "$taken" != - ]; then
      refuse InstallRefused "${taken%%=*} is a name of ${taken#*=} on this server already; give one of the two another name"
      continue
    fi
    if [ "$uncovered" != - ]; then
      refuse CertificateUnusable "the certificate does not cover $uncovered"
      continue
    fi
    seen_by=
    for daemon in $alive; do
      ! name_on "$daemon" "$mail" "$web" || seen_by=$daemon
    done
    if [ -z "$seen_by" ]; then
      refuse InstallRefused "no daemon that answers here can serve the certificate by name$(why_not_adopted)"
      continue
    fi
    if [ -s "$run/reason.$domain" ]; then
      read -r reason <"$run/reason.$domain"
      refuse CertificateUnusable "$reason"
      continue
    fi
    if [ "$known" = '=' ] && cmp -s "$tx/new/$domain.pem" "$home/live/$domain.pem"; then
      echo "$entry" >>"$run/same"
      continue
    fi
    [ "$known" = - ] || names=
    # shellcheck disable=SC2086
    if reserve $names; then echo "$entry" >>"$run/go"; else refuse ServerFull "$full"; fi
  done <"$run/entries"
  [ ! -s "$tx/decided" ] || refuse_together
  # A delivery names every place of a domain. A place on record that it does not name is removed;
  # its entry number is 0, which no entry has.
  awk '
    FILENAME ~ /decided$/ { refused[$1] = 1; next }
    { base = FILENAME ~ /entries$/ ? $3 : $1; place = base; sub(/@.*/, "", base) }
    FILENAME ~ /entries$/ { named[place] = 1; if (!($1 in refused)) delivered[base] = 1; next }
    base in delivered && !(place in named) { print 0, "remove", place, "domain - - - -" }' \
    "$tx/decided" "$tx/entries" "$home/domains" >>"$run/go"
}

# If one certificate of a domain is refused, the others of that domain are refused for the same
# reason: half of the change could leave a name without a certificate.
refuse_together() {
  : >"$run/go.kept"
  : >"$run/same.kept"
  awk -v decided="$tx/decided" -v new="$tx/new/" '
    function domain(place) { sub(/@.*/, "", place); return place }
    FILENAME ~ /entries$/ { place[$1] = $3; next }
    FILENAME ~ /decided$/ { n = $1; sub(/^[0-9]+ /, ""); why[domain(place[n])] = $0; next }
    domain($3) in why { print $1, why[domain($3)] >> decided; print new $3 ".pem"; next }
    { print > (FILENAME ".kept") }' "$tx/entries" "$tx/decided" "$run/go" "$run/same" | xargs -r rm -f
  mv "$run/go.kept" "$run/go"
  mv "$run/same.kept" "$run/same"
}

# Prints a semicolon and the reason of the first daemon that an inspection found and did not adopt;
# nothing if all are adopted.
why_not_adopted() {
  { awk '$2 != "adopted" && $2 != "absent"' "$home/states" 2>/dev/null || :; } | sort -k2,2r | {
    if read -r daemon state reason; then
      case $state in
        ready) echo "; $daemon waits for consent to the plan (\"adopt\":true)" ;;
        loses) echo "; $daemon waits for consent to lose something: $reason" ;;
        left-out) echo "; the registration leaves out $daemon" ;;
        *) echo "; $daemon is $state: $reason" ;;
      esac
    elif [ ! -e "$home/states" ]; then
      echo '; an inspection says what adoption would write'
    fi
  }
}

# reserve NAMES…: asks each daemon that would serve the certificate for room for it and for a
# reload. A renewal has no NAMES, because it adds none. False if one of them has no room; `full`
# then says why.
reserve() {
  for daemon in $adopted; do
    if has "$daemon" reserve && name_on "$daemon" "$mail" "$web"; then
      "${daemon}_reserve" "$@" || return 1
    fi
  done
}

# refuse ERROR TEXT: refuses this entry only.
refuse() {
  echo "$n r $1 $2" >>"$tx/decided"
  rm -f "$tx/new/$domain.pem"
}

