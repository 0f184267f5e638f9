# Inspect: what runs here, and what it can do.

fact() { echo "fact $*" >>"$run/facts"; }

# The roots and entries of a delivery that switches nothing: on tmpfs.
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
  open='' by_name='' one_name='' web='' secured='' all_adopted=yes
  refusal=$(panel_refusal)
  [ -z "$refusal" ] || fact refused "$refusal"
  undo_half_adoption
  for daemon in $daemons; do
    version=$("${daemon}_detect") || version=
    [ -n "$version" ] || continue
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
  # Software without an adapter has, as far as we can help, one certificate for all names.
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
  if command -v doveconf >/dev/null; then
    fact blocks "$(dovecot_count)"
    fact blocks-max "$(dovecot_blocks_max)"
  fi
  fact memory-kb "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)"
  fact free-kb "$(free_kb)"
  fact host-certificate "$(host_certificate)"
  : >"$run/letters"
  write_answer inspected "$run/letters" "$run/facts"
}

# What the mail ports serve to one who sends no name, and where there is no mail the web's to one who sends the server's
# own: is it trusted for that on each?
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
