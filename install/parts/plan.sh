# The plan of an adapter (X_plan): the exact lines that adoption takes out and puts in.
#
#   FILE:LINE - TEXT   the line goes; LINE is its number in the file as it is now
#   FILE:LINE + TEXT   this line comes, after LINE; 0 is the top of the file
#   costs TEXT         what adoption costs

# as_planned PLAN FILE: prints FILE with the lines of the plan. False if a line that goes is not
# there any more.
as_planned() {
  planned=$2
  [ -e "$planned" ] || planned=/dev/null
  awk -v file="$2:" '
    NR == FNR {
      if (index($0, file) != 1) next
      text = substr($0, length(file) + 1)
      line = text + 0
      sub(/^[0-9]+ /, "", text)
      if (sub(/^- /, "", text)) gone[line] = text "."
      else put[line] = put[line] substr(text, 3) "\n"
      next
    }
    FNR == 1 { printf "%s", put[0]; put[0] = "" }
    FNR in gone { if (gone[FNR] != $0 ".") { wrong = 1; exit } }
    !(FNR in gone) { print }
    { printf "%s", put[FNR]; put[FNR] = "" }
    END {
      for (line in put) if (put[line] != "") { if (line > 0) wrong = 1; else printf "%s", put[line] }
      exit wrong
    }' "$1" "$planned"
}

# logged_since FROM FILE: prints the lines of a log since the epoch second FROM, by the stamps that
# syslog and daemons write.
logged_since() {
  [ -r "$2" ] || return 0
  logged_at=$1
  while [ "$logged_at" -le "$(date +%s)" ]; do
    date -d "@$logged_at" "+%b %e %T%n%b %d %T%n%FT%T%n%F %T"
    logged_at=$((logged_at + 1))
  done | sort -u >"$run/stamps"
  tail -n 1000 "$2" | grep -F -f "$run/stamps" || :
}

# journal_since FROM PROGRAM…: the same from systemd's journal, if it runs here.
journal_since() {
  [ -d /run/systemd/system ] || return 0
  journal_from=$1
  shift
  for program in "$@"; do
    journalctl -q --no-pager -o cat --since "@$journal_from" -t "$program" 2>/dev/null || :
  done
}
