# Inspect: which daemons run here, and what they can do. The answer is a list of facts.

fact() { echo "fact $*" >>"$run/facts"; }

# Reads a delivery that switches nothing. Its roots and entries stay on tmpfs.
read_entries() {
  mkdir -p "$run/new"
  split_delivery "$delivery" "$run" 2>"$run/error" || stop 50 "the delivery is malformed: $(head -n 1 "$run/error")"
  mv "$run/roots.pem" "$run/delivered.pem"
  trust_roots "$run/delivered.pem"
}

inspect_server() {
  phase inspect
  read_entries
  : >"$run/facts"
  : >"$run/plans"
  fact os "$(sed -n 's/^PRETTY_NAME=//p' /etc/os-release | tr -d '"')"
  fact kernel-time "$(date +%s)"
  here='' open='' by_name='' one_name='' web='' secured='' all_adopted=yes
  refusal=$(panel_refusal)
  [ -z "$refusal" ] || fact refused "$refusal"
  undo_half_adoption >&2
  : >"$run/states"
  refuse_unknown
  for daemon in $daemons; do
    version=$("${daemon}_detect") || version=
    [ -n "$version" ] || continue
    here="$here $daemon"
    fact "$daemon" "$version"
    fact configuration "$daemon" "$("${daemon}_directory")"
    fact keys-read-by "$daemon" "$("${daemon}_readers")"
    ! is_web "$daemon" || web="$web,$daemon"
    inspect_daemon "$daemon"
  done
  place "$run/states" "$home/states"
  # Software without an adapter counts as software with one certificate for all names.
  foreign_listeners >"$run/foreign"
  one_name="$one_name$(awk '!seen[$2]++ { printf ",%s", $2 }' "$run/foreign")"
  fact cannot-serve-by-name "${one_name#,}"
  while read -r port _; do
    ! answers "$port" || open="$open,$port"
  done <"$run/foreign"
  if [ -n "$adopted" ] && [ -e "$run/ports" ]; then
    for each in ports places; do place "$run/$each" "$adoption/$each"; done
    if [ -e "$run/proxied.list" ]; then place "$run/proxied.list" "$adoption/proxied"; else rm -f "$adoption/proxied"; fi
  fi
  fact ports "${open#,}"
  fact serves-by-name "${by_name#,}"
  fact web-servers "${web#,}"
  fact host-certificate-for "${secured#,}"
  [ -n "$adopted" ] || all_adopted=no
  fact adopted "$all_adopted"
  for daemon in $here; do
    ! has "$daemon" facts || "${daemon}_facts"
  done
  fact memory-kb "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)"
  fact free-kb "$(free_kb)"
  fact host-certificate "$(host_certificate)"
  # The plans come last, because an answer that is too long is cut at its end.
  fitting <"$run/plans" >>"$run/facts"
  : >"$run/letters"
  write_answer inspected "$run/letters" "$run/facts"
}

# Passes on as many lines of plans as an answer has room for, and says how many are missing.
fitting() {
  awk '
    {
      line = substr($0, 1, 600)
      size += length(line) + 1
      if (size <= 12000 && !cut) { print line; next }
      cut = 1
      if (!left[$3]++) daemon[++n] = $3
    }
    END {
      for (i = 1; i <= n; i++)
        print "fact plan " daemon[i] " and " left[daemon[i]] " more lines: sh installer.sh inspect prints them on the server"
    }'
}

# A name of `leaveOut` that no adapter has is a slip of the pen. Nothing is adopted then, because
# the daemon that was meant would be.
refuse_unknown() {
  for name in $leave_out; do
    case " $daemons " in *" $name "*) continue ;; esac
    adopt=no
    note_state "$name" refused "\"leaveOut\" names $name, and sealpost knows$daemons; mend the registration"
  done
}

# note_state DAEMON STATE [REASON]
note_state() {
  fact daemon "$1" "$2" "${3-}"
  echo "$1 $2 ${3-}" >>"$run/states"
}

is_left_out() {
  case " $leave_out " in *" $1 "*) return 0 ;; esac
  return 1
}

# inspect_daemon DAEMON: reads it, adopts it if it may, and gives its state. A daemon that the
# registration leaves out is not looked at. If it is adopted, it stays so: only a person takes away
# what customers are served.
inspect_daemon() {
  if is_left_out "$1"; then
    if is_adopted "$1" && is_lost "$1"; then drop_adoption "$1" >&2; fi
    if ! is_adopted "$1"; then
      note_state "$1" left-out 'the registration leaves it out'
      return
    fi
  fi
  learn_proxied "$1"
  find_serving "$1"
  for port in $serving; do
    open="$open,$port"
    echo "$port $1" >>"$run/ports"
    note_places "$port" "$1"
  done
  answering=
  [ -z "$serving" ] || ! has_one_certificate "$1" || one_name="$one_name,$1"
  # What is left of a lost adoption is taken out first, so that the plan begins at the operator's
  # own lines.
  if [ "$adopt" != no ] && is_adopted "$1" && [ -n "$serving" ] && is_lost "$1"; then
    drop_adoption "$1" >&2
  fi
  read_daemon "$1"
  case $state-$adopt in
    ready-yes | ready-with-losses | loses-with-losses) adopt "$1" "$serving" ;;
  esac
  # Without consent an adoption that was undone is not tried again, and is still to be told.
  known=
  case $state-$adopt in
    ready-no | loses-no)
      known=$(awk -v daemon="$1" '$1 == daemon && $2 ~ /^(undone|broken)$/ { sub(/^[^ ]+ /, ""); print }' "$home/states" 2>/dev/null) || known=
      ;;
  esac
  [ -z "$known" ] || state=${known%% *} reason=${known#* }
  ! is_left_out "$1" || reason="the registration leaves it out: sh installer.sh undo-adoption $1 takes it out on the server${reason:+; $reason}"
  note_state "$1" "$state" "$reason"
  case $state in
    ready | loses) sed "s/^/fact plan $1 /" "$run/plan" >>"$run/plans" ;;
  esac
  case $state in adopted | dead | absent) ;; *) all_adopted=no ;; esac
  case $state in
    adopted | dead | ready | loses)
      secured="$secured,$1"
      has_one_certificate "$1" || by_name="$by_name,$1"
      ;;
  esac
}

# find_serving DAEMON: sets `serving`, its ports that answer TLS, and `mute`, its ports that speak
# only TLS, have a listener and do not answer.
find_serving() {
  serving='' mute=''
  look_around "$1"
  for port in $("$1_ports"); do
    if answers "$port" "$1"; then
      serving="$serving $port"
    elif listens "$port"; then
      case $port in 443 | 465 | 993 | 995) mute="$mute $port" ;; esac
    fi
  done
  serving=${serving# } mute=${mute# }
}

# read_daemon DAEMON: reads what adoption would change here, and changes nothing. Sets `state` and
# `reason`, and writes the plan to $run/plan:
#   adopted  it uses our files
#   dead     it is adopted, and no port of it answers TLS
#   absent   it is not adopted, and no port of it has to answer TLS
#   refused  something stands in the way
#   loses    it can be adopted, and would lose something by that
#   ready    it can be adopted
read_daemon() {
  reason=
  : >"$run/plan"
  if is_adopted "$1"; then
    if [ -z "$serving" ]; then
      state=dead reason='no port of it answers TLS'
      return
    elif ! is_lost "$1"; then
      state=adopted
      return
    fi
  fi
  reason=${refusal:-$("$1_obstacle" | head -n 1)}
  : "${reason:=$(proxied_obstacle "$1")}"
  if [ -z "$serving" ]; then
    state=absent
    [ -z "$mute" ] || state=refused
    reason="${reason:-no port of it answers TLS${mute:+, and it listens on $mute}}"
    return
  fi
  state=refused
  [ -z "$reason" ] || return 0
  "$1_plan" >"$run/plan"
  state=ready
  has "$1" loses || return 0
  reason=$("$1_loses" | head -n 1)
  [ -z "$reason" ] || state=loses
}

# Prints `trusted` if each of the ports 25, 465 and 993 serves a trusted certificate for the host's
# own name to a client that sends no name. Without mail, port 443 is asked by the host's own name.
host_certificate() {
  verdict=none
  for port in 25 465 993; do
    own_certificate "$port" -noservername
  done
  [ "$verdict" != none ] || own_certificate 443 -servername "$server"
  echo "$verdict"
}

own_certificate() {
  case ",$open," in *",$1,"*) ;; *) return 0 ;; esac
  own_port=$1
  shift
  listens "$own_port" || return 0
  # shellcheck disable=SC2086
  if hello "$own_port" "${addresses%% *}" "$@" -verify_hostname "$server" -verify_return_error $trust | grep -q '^Verification: OK'; then
    [ "$verdict" = untrusted ] || verdict=trusted
  else
    verdict=untrusted
  fi
}
