# The transaction: stage, check, write the journal, switch, apply, prove, roll back what no
# handshake shows, store the answer, commit.
#
# Its unit is the domain: all places of a domain (delivery.sh) are switched, refused and rolled back
# together. The variable `domain` holds a place; `${domain%@*}` is the domain.
# No file that a daemon reads changes before the journal is written. After that, recover() repeats
# the same steps from tx/.

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
  set -- "$delivery"
  for daemon in $adopted; do
    ! has "$daemon" rewrites || set -- "$@" "$("${daemon}_rewrites")"
  done
  need=$(($(du -k "$@" 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }') * 2 + 1024))
  free=$(free_kb)
  [ "$free" -gt "$need" ] || stop 50 "$home has $free kB free, this delivery needs $need"
  # On a full $run the shell would end in the middle of a switch. The next run would finish it.
  need=$(($(du -k "$delivery" | awk '{ print $1 }') * 4 + 256))
  free=$(df -Pk "$run" | awk 'NR == 2 { print $4 }')
  [ "$free" -gt "$need" ] || stop 50 "$run has $free kB free, this delivery needs $need"
  rm -rf "$tx"
  mkdir -p "$tx/new" "$tx/old"
  split_delivery "$delivery" "$tx" 2>"$run/error" || stop 50 "the delivery is malformed: $(head -n 1 "$run/error")"
  trust_roots "$tx/roots.pem"
  mv "$tx/rows" "$run/rows"
}

free_kb() { df -Pk "$home" | awk 'NR == 2 { print $4 }'; }

# looks_for ENTRIES: prints the lines with which `prove` looks for them. The host's own certificate
# is also looked for without a name, because many mail servers send none.
looks_for() {
  awk -v live="$home/live/" '
    $2 != "install" { next }
    { print $3, $7, $8, live $3 ".pem new" }
    $4 == "host" && $7 != "-" { print $3, "default -", live $3 ".pem new" }' "$1"
}

# Looks for each certificate that is on record as installed. One that is not served (a lost map, an
# old file put back) is switched again.
prove_unchanged() {
  looks_for "$run/same" >"$run/looks"
  # 2 s, because a login process from before a reload may answer once more.
  prove "$run/looks" 2
  awk -v decided="$tx/decided" -v go="$run/go" -v new="$tx/new/" '
    FILENAME ~ /unseen$/ { unseen[$1] = 1; next }
    $3 in unseen { print >> go; next }
    { print $1, "u" >> decided; print new $3 ".pem" }' "$run/unseen" "$run/same" | xargs -r rm -f
}

# Copies what is there now, then writes the journal by one rename. After that the next run finishes
# what this run began.
begin() {
  sort -n "$run/go" >"$tx/go"
  while read -r n verb domain rest; do
    [ ! -e "$home/live/$domain.pem" ] || echo "$home/live/$domain.pem"
  done <"$tx/go" | xargs -r cp -p -t "$tx/old"
  cp "$home/domains" "$tx/domains.old"
  awk '
    FILENAME ~ /go$/ { moved[$3] = 1; if ($2 == "install") { sub(/^[0-9]+ install /, ""); line[++lines] = $0 } next }
    !($1 in moved)
    END { for (i = 1; i <= lines; i++) print line[i] }' "$tx/go" "$home/domains" >"$tx/domains.new"
  look_before
  echo "$hash $seq $entries" >"$tx/journal.new"
  find "$tx" -type f -exec sync {} +
  sync "$tx" "$tx/new" "$tx/old"
  mv "$tx/journal.new" "$tx/journal"
  sync "$tx"
}

# Writes tx/unseen, a line `place daemon port address` for each old certificate that a daemon does
# not serve even before the switch: the daemon was adopted after the certificate came, or its
# configuration has drifted. One look each.
look_before() {
  awk -v old="$tx/old/" '
    FILENAME ~ /go$/ { moved[$3] = 1; next }
    $1 in moved { print $1, $5, $6, old $1 ".pem old" }' "$tx/go" "$tx/domains.old" >"$run/looks"
  prove "$run/looks" 0
  cp "$run/unseen" "$tx/unseen"
}

# From the journal to the stored answer. Each step is idempotent.
finish() {
  read -r hash seq entries <"$tx/journal"
  awk '{ print $3 }' "$tx/go" >"$run/changed"
  if [ ! -e "$tx/back" ]; then
    phase switch
    find "$tx/new" -name '*.pem' -exec mv -f -t "$home/live" {} +
    sync "$home/live"
    place "$tx/domains.new" "$home/domains"
    phase apply
    began=$(date +%s)
    apply "$tx/domains.old" "$tx/domains.new" "$run/changed"
    phase prove
    looks_for "$tx/go" >"$run/looks"
    prove "$run/looks" "$(patience)"
    refuse_logged "$began"
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
    rm -f "$run/hopeless.$daemon"
    "${daemon}_apply" "$@"
  done
}

# How many seconds a daemon has to serve what was switched. Old login processes answer with the old
# leaf for a moment after a reload, and the slowest daemon reads 2,000 certificates in 1.3 s.
patience() { echo "${SEALPOST_PROOF_WAIT:-$((15 + $(wc -l <"$home/domains") / 100))}"; }

# tx/back names the places that no handshake showed. Their domains get their old files, lines and
# names again, and are looked for again.
put_back() {
  awk '
    { base = FILENAME ~ /go$/ ? $3 : $1; sub(/@.*/, "", base) }
    FILENAME ~ /back$/ { failed[base] = 1; next }
    base in failed { print $3 }' "$tx/back" "$tx/go" >"$run/failed"
  awk '
    { base = $1; sub(/@.*/, "", base) }
    FILENAME ~ /failed$/ { failed[base] = 1; next }
    (FILENAME ~ /old$/) == (base in failed)' "$run/failed" "$tx/domains.new" "$tx/domains.old" >"$run/domains.back"
  mkdir -p "$tx/tried"
  # An older installer, which was killed, has not written it.
  touch "$tx/unseen"
  while read -r domain; do
    if [ -e "$tx/old/$domain.pem" ]; then
      [ -e "$tx/tried/$domain.pem" ] || [ ! -e "$home/live/$domain.pem" ] || place "$home/live/$domain.pem" "$tx/tried/$domain.pem"
      place "$tx/old/$domain.pem" "$home/live/$domain.pem"
    fi
  done <"$run/failed"
  place "$run/domains.back" "$home/domains"
  # The reasons are those of the change, and not what is said when the change is taken back.
  rm -rf "$run/reasons"
  mkdir "$run/reasons"
  find "$run" -maxdepth 1 -name 'why.*' -size +0 -exec cp -t "$run/reasons" {} +
  apply "$tx/domains.new" "$run/domains.back" "$run/failed"
  find "$run/reasons" -type f -exec cp -t "$run" {} +
  # Each daemon must serve what it served before. A place that is new, or that the daemon did not
  # serve before, has no old leaf there: then any leaf but the new one is good.
  for daemon in $alive; do
    awk -v old="$tx/old/" -v live="$home/live/" -v tried="$tx/tried/" -v daemon="$daemon" '
      FILENAME ~ /unseen$/ { if ($2 == daemon) unseen[$1] = 1; next }
      FILENAME ~ /failed$/ { failed[$1] = 1; next }
      !($1 in failed) { next }
      FILENAME ~ /old$/ {
        had[$1] = 1
        print $1, $5, $6, ($1 in unseen ? tried $1 ".pem gone" : old $1 ".pem old")
        next
      }
      !($1 in had) { print $1, $5, $6, live $1 ".pem gone" }' \
      "$tx/unseen" "$run/failed" "$tx/domains.old" "$tx/domains.new" >"$run/looks.$daemon"
  done
  prove "$run/looks" "$(patience)"
  rm -f "$run"/looks.*
}

commit() {
  : >"$run/back"
  [ ! -e "$tx/back" ] || cp "$tx/back" "$run/back"
  awk '
    FILENAME ~ /why\./ { why[substr(FILENAME, match(FILENAME, /[a-z]+$/))] = $0; next }
    { base = FILENAME ~ /go$/ ? $3 : $1; sub(/@.*/, "", base) }
    FILENAME ~ /unseen$/ { if (!(base in lost)) lost[base] = "port " $3 " at " $4 " (" $2 ")"; next }
    FILENAME ~ /back$/ { if (!(base in back)) back[base] = ($3 == "log" ? "an error was logged" : "not seen on port " $3 " at " $4) " (" $2 ")" (why[$2] ? ": " why[$2] : ""); next }
    !$1 { next }
    base in lost { print $1, "x InstallBroken", "neither the new certificate nor the old one is seen on", lost[base]; next }
    base in back { print $1, "b InstallRolledBack", back[base]; next }
    { print $1, ($2 == "remove" ? "d" : "s") }' \
    "$run"/why.* "$run/unseen" "$run/back" "$tx/go" >"$run/letters"
  # PEM files are removed last, when no configuration names them: a daemon with a missing file may
  # not start again.
  awk 'FILENAME ~ /domains$/ { kept[$1] = 1; next } !($3 in kept) { print $3 }' "$home/domains" "$tx/go" |
    while read -r domain; do rm -f "$home/live/$domain.pem"; done
  for daemon in $adopted; do ! has "$daemon" forget || "${daemon}_forget"; done
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

# A journal is there, so the last run was killed. If its answer is stored, only the clean-up is
# left. Otherwise its transaction is finished from the journal.
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
