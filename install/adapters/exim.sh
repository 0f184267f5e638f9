# Exim opens the certificate at each handshake, so a new name and a renewed file need no reload. It
# looks the name that the client sends up in our list. That name never becomes part of a path, and a
# name that is not in the list gets the default certificate. Exim opens the files as its own user,
# so it has copies of its own, 0640 for its group.
# The adapter knows Debian's configuration, which update-exim4.conf makes from macros.

adapter exim mail by-name

exim_names=$home/exim-names
exim_pems=$home/exim

exim_detect() { exim4 -bV 2>/dev/null | sed -n 's/^Exim version \([0-9.]*\).*/\1/p'; }
exim_ports() { echo 465 25 587; }
exim_directory() { echo /etc/exim4; }
exim_readers() { exim_asked exim_group; }
exim_programs() { echo exim exim4; }

# exim_asked OPTION: its value as Exim has it now.
exim_asked() { exim4 -bP "$1" 2>/dev/null | sed -n "s/^$1 = //p"; }

# Exim takes the first line of a name. So a certificate that is only for mail comes before the
# domain's other certificate.
exim_render() {
  awk -v pems="$exim_pems/" '$5 != "-" { for (i = 7; i <= NF; i++) print ($1 !~ /@/), $i ": " pems $1 ".pem" }' "$1" | sort -s -k1,1n | cut -d' ' -f2-
}

# exim_apply BEFORE AFTER CHANGED
exim_apply() {
  exim_changed=$3 exim_group=$(cat "$adoption/exim.group")
  if [ ! -e "$exim_names" ] || [ ! -d "$exim_pems" ]; then
    awk '{ print $1 }' "$2" >"$run/exim.all"
    exim_changed=$run/exim.all
  fi
  exim_make_directory
  awk -v live="$home/live/" 'FILENAME == ARGV[1] { changed[$1] = 1; next } $1 in changed && $5 != "-" { print live $1 ".pem" }' \
    "$exim_changed" "$2" >"$run/exim.copied"
  rm -rf "$exim_pems/new"
  mkdir "$exim_pems/new"
  if [ -s "$run/exim.copied" ]; then
    xargs cp -t "$exim_pems/new" <"$run/exim.copied" || stop 50 "$exim_pems cannot be written"
    find "$exim_pems/new" -name '*.pem' -exec chgrp "$exim_group" {} + -exec chmod 0640 {} + -exec sync {} +
    find "$exim_pems/new" -name '*.pem' -exec mv -f -t "$exim_pems" {} +
  fi
  rmdir "$exim_pems/new"
  exim_render "$2" >"$run/exim.new"
  cmp -s "$run/exim.new" "$exim_names" || place "$run/exim.new" "$exim_names" "$exim_group"
  default_chain exim "$2" "$exim_group" || :
  awk 'FILENAME == ARGV[1] { if ($5 != "-") kept[$1] = 1; next } !($1 in kept) { print $1 }' "$2" "$exim_changed" |
    while read -r domain; do rm -f "$exim_pems/$domain.pem"; done
}

exim_make_directory() {
  mkdir -p "$exim_pems"
  chgrp "$exim_group" "$exim_pems"
  chmod 0750 "$exim_pems"
}

exim_obstacle() {
  if ! command -v update-exim4.conf >/dev/null || [ -e /etc/exim4/exim4.conf ]; then
    echo 'its configuration is not the one that update-exim4.conf makes'
  elif ! exim4 -bV >/dev/null 2>&1; then
    echo 'its configuration has an error'
  elif ! exim4 -bV | grep -q '^Lookups.* lsearch'; then
    echo 'it was built without lsearch'
  else
    case $(exim_asked tls_certificate) in
      '') echo 'it has no certificate' ;;
      *\$* | *:*) echo 'its certificate is chosen by an expansion already' ;;
    esac
  fi
}

# Where macros belong, by Debian's choice of one template or a directory of parts.
exim_macros() {
  if grep -q "^dc_use_split_config='true'" /etc/exim4/update-exim4.conf.conf; then
    echo /etc/exim4/conf.d/main/000_localmacros
  else
    echo /etc/exim4/exim4.conf.localmacros
  fi
}

# Exim looks for the name itself, then for the name with `*` as its first label, as the list has it.
exim_line() {
  printf 'MAIN_TLS_CERTKEY = ${lookup{${lc:$tls_in_sni}}lsearch{%s}{$value}{${lookup{*.${lc:${sg{$tls_in_sni}{\\N^[^.]+\\.\\N}{}}}}lsearch{%s}{$value}{%s}}}}\n' \
    "$exim_names" "$exim_names" "$home/host/exim.pem"
}

exim_plan() { echo "$(exim_macros) $(exim_line)"; }

exim_adopt() {
  certificate=$(exim_asked tls_certificate)
  key=$(exim_asked tls_privatekey)
  [ "${key:-$certificate}" = "$certificate" ] || echo "$key" >"$adoption/exim.chain"
  echo "$certificate" >>"$adoption/exim.chain"
  own_chain exim "$run/exim.default"
  exim_group=$(exim_asked exim_group)
  echo "$exim_group" >"$adoption/exim.group"
  place "$run/exim.default" "$home/host/exim.pem" "$exim_group"
  exim_make_directory
  [ -e "$exim_names" ] || : >"$run/exim.names"
  [ -e "$exim_names" ] || place "$run/exim.names" "$exim_names" "$exim_group"
  file=$(exim_macros)
  echo "$file" >"$adoption/exim.file"
  # Exim refuses two definitions of one macro. So an operator's own line is kept aside and taken
  # out.
  grep '^MAIN_TLS_CERTKEY *=' "$file" 2>/dev/null >"$adoption/exim.lines" || :
  mark_adopting exim
  { grep -v '^MAIN_TLS_CERTKEY *=' "$file" 2>/dev/null || :; exim_line; } >"$run/exim.macros"
  exim_write_macros "$file"
  exim_made || return 1
  exim_asks || return 1
  exim_hup
}

exim_asks() { exim_asked tls_certificate | grep -Fq "{$exim_names}"; }

exim_undo() {
  read -r file <"$adoption/exim.file"
  { grep -v "{$exim_names}" "$file" 2>/dev/null || :; } >"$run/exim.macros"
  # A line that an operator has put there since stays.
  grep -q '^MAIN_TLS_CERTKEY *=' "$run/exim.macros" || cat "$adoption/exim.lines" >>"$run/exim.macros"
  exim_write_macros "$file"
  ! exim_made || exim_hup
}

# exim_write_macros FILE: writes it with the mode that it had. A file that would be empty is
# removed, because Debian brings none.
exim_write_macros() {
  if [ ! -s "$run/exim.macros" ]; then
    rm -f "$1"
    return
  fi
  if [ -e "$1" ]; then cp -p "$1" "$1.sealpost"; else : >"$1.sealpost" && chmod 0644 "$1.sealpost"; fi
  cat "$run/exim.macros" >"$1.sealpost"
  sync "$1.sealpost"
  mv -f "$1.sealpost" "$1"
}

exim_made() { update-exim4.conf >/dev/null 2>&1 && exim4 -bV >/dev/null 2>&1; }

# Sends SIGHUP to the process that listens. Each session is a process of its own and goes on.
exim_hup() {
  ss -Hltnp | sed -n 's/.*:\(25\|465\|587\) .*"exim4\?",pid=\([0-9]*\).*/\2/p' | sort -u | xargs -r kill -HUP
}
