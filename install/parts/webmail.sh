# Which site of a web server is the webmail of the provider. That is decided once, at adoption: by
# the registration, or by the one site that has a name of this server. The plan shows it, and
# adoption records it. Nothing is guessed again, and a site of a customer is never taken in its
# place.
#
#   adoption/DAEMON.webmail   `NAME FILE`

# webmail_is DAEMON: sets its_name and its_file, `-` if neither the registration nor the record has
# them.
# shellcheck disable=SC2034 # the adapters read them
webmail_is() {
  its_name=${webmail_name:--} its_file=${webmail_file:--}
  if [ "$its_file" != - ]; then
    its_file=$(readlink -f "$its_file") || its_file=$webmail_file
  elif [ -e "$adoption/$1.webmail" ]; then
    read -r its_name its_file <"$adoption/$1.webmail"
  fi
}

# is_web_alone: true on a server without mail software, or with none but what the registration
# leaves out. The host's own certificate is then served and looked for on 443.
is_web_alone() {
  for other in $daemons; do
    is_web "$other" || is_left_out "$other" || [ -z "$("${other}_detect" 2>/dev/null)" ] || return 1
  done
}

# others_write FILE: prints which part of the path others than root may write to, or nothing. They
# could put a link there, and root would write where it leads.
others_write() {
  part=$(readlink -f "$1") || return 0
  until [ -z "$part" ]; do
    stat -c '%u %g %a' "$part" 2>/dev/null | awk '
      function writes(digit) { return digit % 4 >= 2 }
      $1 != 0 || writes($3 % 10) || $2 != 0 && writes(int($3 / 10) % 10) { exit 1 }' || break
    part=${part%/*}
  done
  [ -n "$part" ] || return 0
  echo "$part:0: others than root may write here; make it writable by root alone (chown root, chmod go-w)"
}

# changes FILE NEW: prints the difference as lines of a plan.
changes() {
  diff "$1" "$2" | awk -v file="$1" '
    /^[0-9]/ {
      split($0, side, /[acd]/)
      split(side[1], left, ",")
      from = left[1]
      last = left[2] == "" ? left[1] : left[2]
      next
    }
    /^< / { print file ":" from++ " - " substr($0, 3); next }
    /^> / { print file ":" last " + " substr($0, 3) }'
}
