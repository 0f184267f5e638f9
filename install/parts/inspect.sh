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
  fact os "$(sed -n 's/^PRETTY_NAME=//p' /etc/os-release | tr -d '"')"
  fact kernel-time "$(date +%s)"
  here='' open='' by_name='' one_name='' web='' secured='' all_adopted=yes
  refusal=$(panel_refusal)
  [ -z "$refusal" ] || fact refused "$refusal"
  undo_half_adoption
  for daemon in $daemons; do
    version=$("${daemon}_detect") || version=
    [ -n "$version" ] || continue
    here="$here $daemon"
    fact "$daemon" "$version"
    fact configuration "$daemon" "$("${daemon}_directory")"
    fact keys-read-by "$daemon" "$("${daemon}_readers")"
    ! is_web "$daemon" || web="$web,$daemon"
    first=
    for port in $("${daemon}_ports"); do
      answers "$port" || continue
      open="$open,$port"
      : "${first:=$port}"
      echo "$port $daemon" >>"$run/ports"
    done
    [ -z "$first" ] || ! has_one_certificate "$daemon" || one_name="$one_name,$daemon"
    lost=no
    ! is_adopted "$daemon" || [ -z "$first" ] || ! is_lost "$daemon" || lost=yes
    if [ "$lost" = yes ] || ! is_adopted "$daemon"; then
      [ "$lost$adopt" != yesyes ] || drop_adoption "$daemon"
      obstacle=${refusal:-$("${daemon}_obstacle")}
      [ -n "$first" ] || obstacle="${obstacle:-no port of it answers TLS}"
      if [ -n "$obstacle" ]; then
        fact adopt-change "none for $daemon: $obstacle"
        continue
      fi
      "${daemon}_plan" >"$run/plan"
      while read -r line; do fact adopt-change "$line"; done <"$run/plan"
      if [ "$adopt" = no ]; then
        all_adopted=no
      elif ! adopt "$daemon" "$first"; then
        fact adopt-change "undone for $daemon: it did not serve the same as before"
        continue
      fi
    fi
    secured="$secured,$daemon"
    has_one_certificate "$daemon" || by_name="$by_name,$daemon"
  done
  # Software without an adapter counts as software with one certificate for all names.
  foreign_listeners >"$run/foreign"
  one_name="$one_name$(awk '!seen[$2]++ { printf ",%s", $2 }' "$run/foreign")"
  fact cannot-serve-by-name "${one_name#,}"
  while read -r port _; do
    ! answers "$port" || open="$open,$port"
  done <"$run/foreign"
  if [ -n "$adopted" ] && [ -e "$run/ports" ]; then
    place "$run/ports" "$adoption/ports"
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
  : >"$run/letters"
  write_answer inspected "$run/letters" "$run/facts"
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
  # shellcheck disable=SC2086
  if hello "$@" -verify_hostname "$server" -verify_return_error $trust | grep -q '^Verification: OK'; then
    [ "$verdict" = untrusted ] || verdict=trusted
  else
    verdict=untrusted
  fi
}
