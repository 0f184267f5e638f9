# The audit: does each port still serve what the cloud has on record as installed? The audit changes
# nothing; the cloud delivers again what was not served. The rows are the `look` lines of the
# delivery. SSM cuts an answer at 24,000 characters and a server may have 10,000 domains, so the
# answer names only what is wrong:
#
#   fact audit-ports PORT,…   the ports that were looked at
#   fact audit-dead PORT,…    ports that answered at the inspection and do not answer now
#   fact audit-place PORT ADDRESS   at this address a row was not served, though it was at another
#   fact audit-lost DAEMON    the daemon's configuration does not use our files any more; an
#                             inspection adopts it again
#   unseen PORTS STEP…        rows that these ports did not serve (`all`: each port that the row has
#                             a name for). A step counts from the row before; `3x5` is `3 1 1 1 1`
#   audited ROW               the last row that was reached. This line comes last, so an answer
#                             without it was cut

# A delivery that only audits.
verify() {
  phase verify
  read_entries
  : >"$run/letters"
  write_answer verified "$run/letters" "$run/facts"
}

# Adds its lines to the stored answer. After SEALPOST_AUDIT_SECONDS (tests set it) the remaining
# rows wait for the next audit.
audit() {
  phase audit
  find_listeners
  : >"$run/audit.facts"
  audit_ports >"$run/audit.ports"
  audit_lost >>"$run/audit.facts"
  stored_leaves
  audit_until=$(($(date +%s) + ${SEALPOST_AUDIT_SECONDS:-600}))
  for daemon in $adopted; do
    audit_daemon "$daemon" >"$run/unseen.$daemon" 9>&- &
  done
  wait
  for daemon in $adopted; do cat "$run/unseen.$daemon"; done >"$run/unseen"
  { cat "$home/answer" "$run/audit.facts" && audit_lines; } | head -c 23000 >"$home/answer.new"
  sync "$home/answer.new"
  mv -f "$home/answer.new" "$home/answer"
  sync "$home"
}

# Prints a line `daemon port address` for each port that answers TLS now, and writes the facts about
# ports.
audit_ports() {
  live='' dead=
  for daemon in $adopted; do
    look_around "$daemon"
    for port in $("${daemon}_ports"); do
      if answers "$port" "$daemon"; then
        echo "$daemon $port $address"
        live="$live,$port"
      elif grep -qx "$port $daemon" "$adoption/ports" 2>/dev/null; then
        dead="$dead,$port"
      fi
    done
  done
  {
    echo "fact audit-ports ${live#,}"
    [ -z "$dead" ] || echo "fact audit-dead ${dead#,}"
  } >>"$run/audit.facts"
}

audit_lost() {
  for daemon in $adopted; do
    ! grep -q "^$daemon " "$run/audit.ports" || ! is_lost "$daemon" || echo "fact audit-lost $daemon"
  done
}

# Compares each row with its file in live/ and with its line on record. A file that was replaced by
# hand proves nothing when it is served. 3 ms a domain; openssl would take 15.
stored_leaves() {
  awk -v live="$home/live/" '
    FILENAME ~ /rows$/ { wanted[$2] = 1; next }
    $1 in wanted {
      file = live $1 ".pem"
      inside = 0
      text = ""
      while ((getline line < file) > 0) {
        if (line ~ /^-----BEGIN CERTIFICATE-----/) inside = 1
        else if (line ~ /^-----END CERTIFICATE-----/) break
        else if (inside) text = text line "\n"
      }
      close(file)
      if (text == "") next
      printf "%s ", $1
      fflush()
      decode = "base64 -d 2>/dev/null | sha256sum"
      printf "%s", text | decode
      close(decode)
    }' "$run/rows" "$home/domains" >"$run/leaves"
  # A line for each row: `look n place mail-name web-name`, or `lost …` if no look can prove the
  # row.
  awk '
    FILENAME ~ /leaves$/ { leaf[$1] = $2; next }
    FILENAME ~ /domains$/ { recorded[$1] = $4; next }
    { print (leaf[$2] == $3 && recorded[$2] == $3 ? "look" : "lost"), $1, $2, $4, $5 }' \
    "$run/leaves" "$home/domains" "$run/rows" >"$run/audit.rows"
}

# audit_daemon DAEMON: prints `row port` for each row that a port did not serve, then `row done` for
# the last row that was reached.
audit_daemon() {
  awk -v daemon="$1" '$1 == daemon { print $2, $3 }' "$run/audit.ports" >"$run/audit.$1"
  audit_at "$1" "$run/audit.$1" "$run/audit.rows"
  # Each row was looked for at one address of each port, and one row is looked for at the others.
  awk -v n="$named" -v m="$unnamed" '$2 == n || $2 == m' "$run/audit.rows" >"$run/audit.sample.$1"
  last=$reached
  while read -r port first; do
    listens "$port" || continue
    for at in $addresses; do
      [ "$at" != "$first" ] || continue
      echo "$port $at" >"$run/audit.at.$1"
      audit_at "$1" "$run/audit.at.$1" "$run/audit.sample.$1" >"$run/audit.odd.$1"
      [ -s "$run/audit.odd.$1" ] || continue
      is_own_place "$port" "$at" "$1" || continue
      echo "fact audit-place $port $at" >>"$run/audit.facts"
      audit_at "$1" "$run/audit.at.$1" "$run/audit.rows"
      [ "$reached" -ge "$last" ] || last=$reached
    done
  done <"$run/audit.$1"
  echo "$last done"
}

# audit_at DAEMON PLACES ROWS: prints `row port` for each row of ROWS that a place did not serve.
# Sets `reached`, and `named` and `unnamed`: the first row that each place served by a name, and
# without. Hellos go out for 200 rows at once, and openssl looks for what they do not confirm.
audit_at() {
  second_looks=20 reached=0 named='' unnamed=''
  rows=$(wc -l <"$3") from=0
  while [ "$from" -lt "$rows" ]; do
    if [ "$from" -gt 0 ] && [ "$(date +%s)" -ge "$audit_until" ]; then break; fi
    tail -n "+$((from + 1))" "$3" | head -n 200 >"$run/audit.some.$1"
    from=$((from + 200))
    audit_hellos "$1" "$2" "$run/audit.some.$1"
    audit_rows "$1" "$run/audit.rest.$1" || return 0
  done
}

# audit_hellos DAEMON PLACES ROWS: sends the hellos for all ROWS of the daemon. It writes a line
# `row place name PORT@ADDRESS…` for each row to $run/audit.rest.DAEMON: the places that no hello
# confirms, which openssl looks at next.
audit_hellos() {
  while read -r kind n place mail web; do
    if [ "$kind" = lost ] || ! name_on "$1" "$mail" "$web"; then continue; fi
    while read -r port address; do
      echo "$n@$port@$address $port $address $name any new $home/live/$place.pem $n $place"
    done <"$2"
  done <"$3" >"$run/hello.$1"
  deadline=0
  confirm "$1"
  awk '
    FILENAME == ARGV[1] { left[$8] = left[$8] " " $2 "@" $3; next }
    !seen[$8]++ { print $8, $9, $4 left[$8] }' "$run/left.$1" "$run/hello.$1" >"$run/audit.rest.$1"
  tail -n 1 "$3" >"$run/audit.last.$1"
}

# audit_rows DAEMON REST: false if the time is over.
audit_rows() {
  while read -r n place name places; do
    unseen=
    if [ -n "$places" ]; then
      if [ $((n % 20)) = 0 ] && [ "$(date +%s)" -ge "$audit_until" ]; then return 1; fi
      audit_looks
      # A process from before a reload may answer once more, and a busy server is slow. So 20 rows
      # get a second look, not ten thousand.
      if [ -n "$unseen" ] && [ "$second_looks" -gt 0 ]; then
        second_looks=$((second_looks - 1))
        sleep 0.5
        audit_looks
      fi
    fi
    reached=$n
    for port in $unseen; do echo "$n $port"; done
    [ -z "$unseen" ] || continue
    case $name in
      default) : "${unnamed:=$n}" ;;
      *) : "${named:=$n}" ;;
    esac
  done <"$2"
  read -r _ reached _ <"$run/audit.last.$1"
}

audit_looks() {
  unseen=
  for at in $places; do
    served "${at%%@*}" "${at#*@}" "$name" "$home/live/$place.pem" new || unseen="$unseen ${at%%@*}"
  done
}

# Turns the `row port` lines into the `unseen` lines of the answer: the rows of each set of ports.
audit_lines() {
  sort -u -k 1,1n -k 2,2n "$run/unseen" | awk '
    function add(row, ports,   step) {
      step = row - last[ports]
      if (step == 1 && run[ports]) run[ports]++
      else { close_run(ports); first[ports] = step; run[ports] = 1 }
      last[ports] = row
    }
    function close_run(ports) {
      if (!run[ports]) return
      token = first[ports] (run[ports] > 1 ? "x" run[ports] : "")
      # A cut answer counts up to its last whole line, so lines are short.
      if (length(line[ports]) > 300) { print "unseen " ports line[ports]; line[ports] = "" }
      line[ports] = line[ports] " " token
    }
    BEGIN { reached = -1 }
    FILENAME ~ /audit.rows$/ { if ($1 == "lost") lost[$2] = 1; rows = $2; next }
    $2 == "done" { if (reached < 0 || $1 < reached) reached = $1; next }
    { ports[$1] = ports[$1] "," $2 }
    END {
      if (reached < 0) reached = rows
      for (row = 1; row <= reached; row++)
        if (row in lost) add(row, "all")
        else if (row in ports) add(row, substr(ports[row], 2))
      for (set in last) { close_run(set); print "unseen " set line[set] }
      print "audited " reached
    }' "$run/audit.rows" -
}
