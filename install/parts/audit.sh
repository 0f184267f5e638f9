# The audit: is what the cloud believes installed still served, on each port? It changes nothing; what is not seen is
# delivered again. The delivery's `look` lines are its rows. SSM cuts an answer at 24,000 characters and a server may have
# 10,000 domains, so the answer names only what is not as it should be:
#
#   fact audit-ports PORT,…      the ports that were looked at
#   fact audit-dead PORT,…       those that answered when the server was inspected, and do not now
#   fact audit-lost DAEMON       its configuration does not ask us any more: a line each; an inspection adopts it again
#   unseen PORTS STEP…           rows that these ports (`all`: all that the row has a name for) did not show as they should:
#                                each step is counted from the row before, `3x5` being `3 1 1 1 1`
#   audited ROW                  how far it came; the last line, so that a cut answer is known by its absence

# A delivery that only audits.
verify() {
  phase verify
  read_entries
  : >"$run/letters"
  write_answer verified "$run/letters" "$run/facts"
}

# Adds its lines to the stored answer. Set by tests: SEALPOST_AUDIT_SECONDS, after which the rest is left to another day.
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

# Lines `daemon port` of all that answers TLS now; what answered at the inspection and does not is told as dead.
audit_ports() {
  live='' dead=
  for daemon in $adopted; do
    for port in $("${daemon}_ports"); do
      if answers "$port"; then
        echo "$daemon $port"
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

# Lines `place leaf`, of what really is in live/ and on record: a file may have been replaced by hand, and a file that is
# not the one that was delivered proves nothing by being served. 3 ms a domain, where openssl takes 15.
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
  # Each row once more, and whether a look can prove it: `look|lost n place mail-name web-name`.
  awk '
    FILENAME ~ /leaves$/ { leaf[$1] = $2; next }
    FILENAME ~ /domains$/ { recorded[$1] = $4; next }
    { print (leaf[$2] == $3 && recorded[$2] == $3 ? "look" : "lost"), $1, $2, $4, $5 }' \
    "$run/leaves" "$home/domains" "$run/rows" >"$run/audit.rows"
}

# audit_daemon DAEMON: lines `row port` of what is not seen, and `row done` for the row that it came to.
audit_daemon() {
  ports=$(awk -v daemon="$1" '$1 == daemon { print $2 }' "$run/audit.ports")
  second_looks=20 reached=0
  while read -r kind n place mail web; do
    # A clock costs a process, so not for each row.
    if [ $((n % 20)) = 0 ] && [ "$(date +%s)" -ge "$audit_until" ]; then break; fi
    reached=$n
    if [ "$kind" = lost ] || ! name_on "$1" "$mail" "$web"; then continue; fi
    for port in $ports; do
      served "$port" "$name" "$home/live/$place.pem" new && continue
      # A process from before a reload answers once more, and a busy server is slow: but not for ten thousand rows.
      if [ "$second_looks" -gt 0 ]; then
        second_looks=$((second_looks - 1))
        sleep 0.5
        ! served "$port" "$name" "$home/live/$place.pem" new || continue
      fi
      echo "$n $port"
    done
  done <"$run/audit.rows"
  echo "$reached done"
}

# From `row port` lines to the answer's: rows by the set of their ports.
audit_lines() {
  sort -k 1,1n -k 2,2n "$run/unseen" | awk '
    function add(row, ports,   step) {
      step = row - last[ports]
      if (step == 1 && run[ports]) run[ports]++
      else { close_run(ports); first[ports] = step; run[ports] = 1 }
      last[ports] = row
    }
    function close_run(ports) {
      if (!run[ports]) return
      token = first[ports] (run[ports] > 1 ? "x" run[ports] : "")
      # A cut answer is believed up to its last whole line: so short ones.
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
