# Errors that a daemon logged while its configuration changed.

# lines_since FROM FILE: prints the lines of a log that are not older than FROM (seconds since
# 1970). It knows the time stamps `2026-12-01T10:20:30`, `2026/12/01 10:20:30`, `Dec  1 10:20:30`
# and `[Tue Dec 01 10:20:30.123456 2026]`. A line with none of them belongs to the line before.
lines_since() {
  [ -r "$2" ] || return 0
  tail -c 200000 "$2" | awk -v from="$(date -d "@$1" +%Y%m%d%H%M%S)" -v year="$(date +%Y)" '
    function digits(text) { gsub(/[^0-9]/, "", text); return text }
    function month(word) { return (index("JanFebMarAprMayJunJulAugSepOctNovDec", word) + 2) / 3 }
    {
      head = substr($0, 1, 40)
      if (match(head, /[0-9][0-9][0-9][0-9][-\/][0-9][0-9][-\/][0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9]/))
        time = digits(substr(head, RSTART, RLENGTH))
      else if (match(head, /^[A-Z][a-z][a-z] [ 0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]/)) {
        time = year sprintf("%02d%02d", month(substr(head, 1, 3)), substr(head, 5, 2)) digits(substr(head, 8, 8))
      } else if (match(head, /^\[[A-Z][a-z][a-z] [A-Z][a-z][a-z] [ 0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9][0-9. ]*\]/)) {
        split(substr(head, 2, RLENGTH - 2), part, " ")
        time = part[5] sprintf("%02d%02d", month(part[2]), part[3]) digits(substr(part[4], 1, 8))
      }
    }
    time >= from'
}

# journal_since FROM IDENTIFIER: the same from the journal, where there is one.
journal_since() {
  ! command -v journalctl >/dev/null || journalctl -q --since "@$1" -t "$2" -o cat 2>/dev/null || :
}

# refuse_logged FROM: a configuration error that a daemon logged since FROM is a failed proof, for
# each place of this transaction that the daemon serves: the error may meet a customer whom no look
# stands for. Adds to $run/unseen, and keeps the line as the reason.
refuse_logged() {
  for daemon in $alive; do
    has "$daemon" log || continue
    "${daemon}_log" "$1" | head -n 1 >"$run/logged"
    [ -s "$run/logged" ] || continue
    cp "$run/logged" "$run/why.$daemon"
    while read -r place mail web _; do
      ! name_on "$daemon" "$mail" "$web" || grep -q "^$place " "$run/unseen" || echo "$place $daemon log" >>"$run/unseen"
    done <"$run/looks"
  done
}
