# `installer.sh inspect`: what an administrator runs before the server is registered. It needs no
# delivery, holds no lock, and writes nothing but its own directory in /run, which it removes.

inspect_alone() {
  phase inspect
  run=$(mktemp -d /run/sealpost.XXXXXX)
  adopt=no consent=no leave_out=
  server=$(hostname -f 2>/dev/null || hostname)
  load_adopted
  : >"$run/facts"
  find_listeners
  refusal=$(panel_refusal)
  echo "What adoption by sealpost would change on $server. Nothing has been changed now."
  for daemon in $daemons; do
    version=$("${daemon}_detect") || version=
    [ -n "$version" ] || continue
    find_serving "$daemon"
    read_daemon "$daemon"
    echo
    say_daemon "$daemon" "$daemon $version"
    say_plan <"$run/plan"
  done
  foreign_listeners | awk '
    !seen[$2]++ { printf "\n%s is software that sealpost does not know. Nothing of it is changed: its domains are served under the name of this host.\n", $2 }'
  echo
  echo 'Adoption is undone by `sh installer.sh undo-adoption` on this server.'
}

# say_daemon DAEMON TITLE: one sentence about its state, with what to do.
say_daemon() {
  case $state in
    adopted) echo "$2 is adopted: it uses the files of sealpost already." ;;
    dead) echo "$2 is adopted, and $reason. Find in its log why." ;;
    absent) echo "$2 is left alone: $reason." ;;
    refused)
      printf '%s cannot be adopted. Take this out of the way, then run this again, or leave it out by "leaveOut":["%s"] in the registration:\n  %s\n' "$2" "$1" "$reason"
      ;;
    ready) echo "$2 can be adopted and loses nothing. You consent by \"adopt\":true in the registration." ;;
    loses)
      echo "$2 can be adopted, and would lose this. You consent by \"adopt\":\"with-losses\":"
      "$1_loses" | sed 's/^/  /'
      ;;
  esac
  [ -z "$serving" ] || echo "  It answers TLS on $(echo "$serving" | sed 's/ /, /g')."
}

# Prints a plan by file, as a person reads it.
say_plan() {
  awk '
    match($0, /:[0-9]+ [-+] /) {
      file = substr($0, 1, RSTART - 1)
      split(substr($0, RSTART + 1, RLENGTH - 1), part, " ")
      text = substr($0, RSTART + RLENGTH)
      if (file != last) print "  In " file ":"
      last = file
      if (part[2] == "-") print "    line " part[1] " goes: " text
      else print "    " (part[1] == 0 ? "at its top" : "after line " part[1]) " comes: " text
      next
    }
    /^costs / { print "  It costs " substr($0, 7) "."; next }
    { print "  " $0 }'
}
