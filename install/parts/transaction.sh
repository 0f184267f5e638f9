# The transaction: stage, check, [journal] switch, apply, prove, put back what is not seen, [answer] done.
# Its unit is the domain: all its places (delivery.sh) are switched, refused and put back together, and an entry's
# place that the delivery does not name goes. `domain` below holds a place; `${domain%@*}` is the domain.
# Before the journal nothing a daemon reads has changed; after it, recover() runs the same steps again from tx/.

tx=$home/tx

install_entries() {
  phase stage
  stage
  phase check
  check
  prove_unchanged
  begin
  finish
}

stage() {
  # An LMDB map grows by whole pages and is rebuilt in place, so it may need its own size again.
  need=$(($(du -k "$delivery" "$home/sni.lmdb" 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }') * 2 + 1024))
  free=$(free_kb)
  [ "$free" -gt "$need" ] || stop 50 "$home has $free kB free, this delivery needs $need"
  rm -rf "$tx"
  mkdir -p "$tx/new" "$tx/old"
  split_delivery "$delivery" "$tx" 2>"$run/error" || stop 50 "the delivery is malformed: $(head -n 1 "$run/error")"
  trust_roots "$tx/roots.pem"
  mv "$tx/rows" "$run/rows"
}

free_kb() { df -Pk "$home" | awk 'NR == 2 { print $4 }'; }

# Chain, names and dates were checked where the certificate was stored, and the hash binds them. Here: what can differ
# here. Two openssl processes a domain. Prints why PEM cannot be served, or nothing.
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

# Why which new PEM cannot be served, into $run/reason.DOMAIN: by two workers, for this is openssl's time.
check_pairs() {
  for worker in 0 1; do
    awk -v worker="$worker" '$2 == "install" && NR % 2 == worker { print $3, $6 }' "$tx/entries" |
      while read -r domain leaf; do unusable "$tx/new/$domain.pem" "$leaf" >"$run/reason.$domain"; done 9>&- &
  done
  wait
}

# Sorts the entries: tx/decided (`n letter [error text]`), $run/go (to be switched), $run/same (looks installed already).
check() {
  check_pairs
  : >"$tx/decided"
  : >"$run/go"
  : >"$run/same"
  # Two fields put in front: is the line the one on record (= the same, + another, - none); the first probe name that
  # the certificate does not cover.
  awk '
    function covered(probe, i, name) {
      if (probe == "-") return 1
      for (i = 9; i <= NF; i++) {
        name = $i
        if (name == probe || name ~ /^\*\./ && substr(probe, index(probe, ".")) == substr(name, 2)) return 1
      }
      return 0
    }
    FILENAME ~ /domains$/ { known[$1] = $0; next }
    {
      line = $0
      sub(/^[0-9]+ [a-z]+ /, "", line)
      record = !($3 in known) ? "-" : known[$3] == line ? "=" : "+"
      print record, ($2 == "remove" || covered($7) && covered($8) ? "-" : covered($7) ? $8 : $7), $0
    }' "$home/domains" "$tx/entries" >"$run/entries"
  room=
  while read -r known uncovered n verb domain kind certificate leaf mail web names; do
    entry="$n $verb $domain $kind $certificate $leaf $mail $web $names"
    if [ "$verb" = remove ]; then
      echo "$entry" >>"$run/go"
      continue
    fi
    if [ -z "$adopted" ]; then
      refuse InstallRefused 'this server is not adopted; inspect prints the lines that it needs'
      continue
    fi
    if [ "$uncovered" != - ]; then
      refuse CertificateUnusable "it does not cover $uncovered"
      continue
    fi
    seen_by=
    for daemon in $alive; do
      ! name_on "$daemon" "$mail" "$web" || seen_by=$daemon
    done
    if [ -z "$seen_by" ]; then
      refuse InstallRefused 'nothing that answers here could serve it by name'
      continue
    fi
    if read -r reason <"$run/reason.$domain"; then
      refuse CertificateUnusable "$reason"
      continue
    fi
    if [ "$mail" != - ] && [ "$known" = - ] && is_adopted dovecot; then
      [ -n "$room" ] || room=$(dovecot_room)
      # shellcheck disable=SC2086
      dovecot_weigh $names
      if [ "$room" -lt "$blocks" ]; then
        refuse ServerFull "Dovecot's memory (vsz_limit) holds $(dovecot_blocks_max) blocks of certificates, twice over for a reload"
        continue
      fi
      room=$((room - blocks))
    fi
    if [ "$known" = '=' ] && cmp -s "$tx/new/$domain.pem" "$home/live/$domain.pem"; then
      echo "$entry" >>"$run/same"
    else
      echo "$entry" >>"$run/go"
    fi
  done <"$run/entries"
  [ ! -s "$tx/decided" ] || refuse_together
  # Places of a delivered domain that it names no more, under the number of no entry.
  awk '
    FILENAME ~ /decided$/ { refused[$1] = 1; next }
    { base = FILENAME ~ /entries$/ ? $3 : $1; place = base; sub(/@.*/, "", base) }
    FILENAME ~ /entries$/ { named[place] = 1; if (!($1 in refused)) delivered[base] = 1; next }
    base in delivered && !(place in named) { print 0, "remove", place, "domain - - - -" }' \
    "$tx/decided" "$tx/entries" "$home/domains" >>"$run/go"
}

# Where one certificate of a domain is refused, its others are for the same reason: half of what was meant would leave
# a name to nobody.
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

# refuse ERROR TEXT: this entry alone; its neighbours go on.
refuse() {
  echo "$n r $1 $2" >>"$tx/decided"
  rm -f "$tx/new/$domain.pem"
}

# looks_for ENTRIES: the lines by which `prove` sees them served; the host's own certificate is what a client gets, too,
# that sends no name, as many mail servers do.
looks_for() {
  awk -v live="$home/live/" '
    $2 != "install" { next }
    { print $3, $7, $8, live $3 ".pem new" }
    $4 == "host" && $7 != "-" { print $3, "default -", live $3 ".pem new" }' "$1"
}

# What is on record as installed is looked at; what is not served after all (a lost map, a file put back) goes again.
prove_unchanged() {
  looks_for "$run/same" >"$run/looks"
  # 2 s: a login process from before a reload may answer once more.
  prove "$run/looks" 2
  awk -v decided="$tx/decided" -v go="$run/go" -v new="$tx/new/" '
    FILENAME ~ /unseen$/ { unseen[$1] = 1; next }
    $3 in unseen { print >> go; next }
    { print $1, "u" >> decided; print new $3 ".pem" }' "$run/unseen" "$run/same" | xargs -r rm -f
}

# Copies of what is there now, then the journal, by one rename: from here on the next run finishes what this one began.
begin() {
  sort -n "$run/go" >"$tx/go"
  if is_adopted nginx; then
    awk -v new="$tx/new/" '$2 == "install" && $8 != "-" { print new $3 ".pem" }' "$tx/go" | nginx_readable
  fi
  while read -r n verb domain rest; do
    [ ! -e "$home/live/$domain.pem" ] || echo "$home/live/$domain.pem"
  done <"$tx/go" | xargs -r cp -p -t "$tx/old"
  cp "$home/domains" "$tx/domains.old"
  awk '
    FILENAME ~ /go$/ { moved[$3] = 1; if ($2 == "install") { sub(/^[0-9]+ install /, ""); line[++lines] = $0 } next }
    !($1 in moved)
    END { for (i = 1; i <= lines; i++) print line[i] }' "$tx/go" "$home/domains" >"$tx/domains.new"
  echo "$hash $seq $entries" >"$tx/journal.new"
  find "$tx" -type f -exec sync {} +
  sync "$tx" "$tx/new" "$tx/old"
  mv "$tx/journal.new" "$tx/journal"
  sync "$tx"
}

# From the journal to the stored answer. Every step may be repeated.
finish() {
  read -r hash seq entries <"$tx/journal"
  awk '{ print $3 }' "$tx/go" >"$run/changed"
  if [ ! -e "$tx/back" ]; then
    phase switch
    find "$tx/new" -name '*.pem' -exec mv -f -t "$home/live" {} +
    sync "$home/live"
    place "$tx/domains.new" "$home/domains"
    phase apply
    apply "$tx/domains.old" "$tx/domains.new" "$run/changed"
    phase prove
    looks_for "$tx/go" >"$run/looks"
    prove "$run/looks" "$(patience)"
    cp "$run/unseen" "$tx/back.new"
    if [ -s "$run/unseen" ]; then
      sync "$tx/back.new"
      mv "$tx/back.new" "$tx/back"
    fi
  fi
  : >"$run/unseen"
  if [ -e "$tx/back" ]; then
    phase back
    put_back
  fi
  phase commit
  commit
}

apply() {
  : >"$run/why.none"
  for daemon in $adopted; do
    : >"$run/why.$daemon"
    "${daemon}_apply" "$@"
  done
}

# Old login processes answer with the old leaf for a moment after a reload, and Dovecot reads 2,000 blocks in 1.3 s.
patience() { echo "${SEALPOST_PROOF_WAIT:-$((15 + $(wc -l <"$home/domains") / 100))}"; }

# tx/back names what was not seen served: those domains get their old files, lines and names again, and are looked at again.
put_back() {
  awk '
    { base = FILENAME ~ /go$/ ? $3 : $1; sub(/@.*/, "", base) }
    FILENAME ~ /back$/ { failed[base] = 1; next }
    base in failed { print $3 }' "$tx/back" "$tx/go" >"$run/failed"
  awk '
    { base = $1; sub(/@.*/, "", base) }
    FILENAME ~ /failed$/ { failed[base] = 1; next }
    (FILENAME ~ /old$/) == (base in failed)' "$run/failed" "$tx/domains.new" "$tx/domains.old" >"$run/domains.back"
  while read -r domain; do
    [ ! -e "$tx/old/$domain.pem" ] || place "$tx/old/$domain.pem" "$home/live/$domain.pem"
  done <"$run/failed"
  place "$run/domains.back" "$home/domains"
  apply "$tx/domains.new" "$run/domains.back" "$run/failed"
  # What was not here before has no old leaf: then anything but the new one must be seen.
  awk -v old="$tx/old/" -v live="$home/live/" '
    FILENAME ~ /failed$/ { failed[$1] = 1; next }
    !($1 in failed) { next }
    FILENAME ~ /old$/ { had[$1] = 1; print $1, $5, $6, old $1 ".pem old"; next }
    !($1 in had) { print $1, $5, $6, live $1 ".pem gone" }' "$run/failed" "$tx/domains.old" "$tx/domains.new" >"$run/looks"
  prove "$run/looks" "$(patience)"
}

commit() {
  : >"$run/back"
  [ ! -e "$tx/back" ] || cp "$tx/back" "$run/back"
  awk '
    FILENAME ~ /why\./ { why[substr(FILENAME, match(FILENAME, /[a-z]+$/))] = $0; next }
    { base = FILENAME ~ /go$/ ? $3 : $1; sub(/@.*/, "", base) }
    FILENAME ~ /unseen$/ { lost[base] = "port " $3 " (" $2 ")"; next }
    FILENAME ~ /back$/ { if (!(base in back)) back[base] = "not seen on port " $3 " (" $2 ")" (why[$2] ? ": " why[$2] : ""); next }
    !$1 { next }
    base in lost { print $1, "x InstallBroken", "neither the new nor the old is seen on", lost[base]; next }
    base in back { print $1, "b InstallRolledBack", back[base]; next }
    { print $1, ($2 == "remove" ? "d" : "s") }' \
    "$run"/why.* "$run/unseen" "$run/back" "$tx/go" >"$run/letters"
  # A PEM goes last, when no configuration names it any more: a missing one stops Dovecot at its next cold start.
  awk 'FILENAME ~ /domains$/ { kept[$1] = 1; next } !($3 in kept) { print $3 }' "$home/domains" "$tx/go" |
    while read -r domain; do rm -f "$home/live/$domain.pem"; done
  outcome=$(awk '
    { count[$2]++ }
    END { print count["x"] ? "broken" : count["b"] && !count["s"] && !count["d"] ? "rolled-back" : "installed" }' "$run/letters")
  cat "$tx/decided" >>"$run/letters"
  write_answer "$outcome" "$run/letters" "$run/facts"
  drop_transaction
}

drop_transaction() {
  rm -f "$tx/journal"
  rm -rf "$tx"
}

# A journal is there: the last run was killed. Its answer may be stored already; else forward from where it was.
recover() {
  if [ "$begun_hash" = "$stored_hash" ]; then
    drop_transaction
    return
  fi
  ours="$hash $seq $entries"
  trust_roots "$tx/roots.pem"
  finish
  read -r hash seq entries <<-EOF
	$ours
	EOF
}
