# Exim opens the certificate of each handshake when it comes: a new name and a renewed file need no reload. The name that
# a client sends is looked up in a list of ours and never becomes part of a path; what is not in it gets the default. It
# opens the files as its own user, so it has copies of its own, 0640 for its group.
# Known is Debian's configuration, made by update-exim4.conf from macros.

exim_names=$home/exim-names
exim_pems=$home/exim

exim_detect() { exim4 -bV 2>/dev/null | sed -n 's/^Exim version \([0-9.]*\).*/\1/p'; }
exim_ports() { echo 465 25 587; }
exim_directory() { echo /etc/exim4; }
exim_readers() { exim_asked exim_group; }

# exim_asked OPTION: its value as Exim has it now.
exim_asked() { exim4 -bP "$1" 2>/dev/null | sed -n "s/^$1 = //p"; }

# The first of two lines with one name is found: of a domain, the certificate that is for mail alone comes before.
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

# A wildcard is in the list as it is written: the name itself is looked for first, then with its first label as a star.
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
  # The last definition of a macro is an error to Exim, not the one that wins: so an own line makes room for ours.
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
  # A line that somebody has put there since is the one that is wanted.
  grep -q '^MAIN_TLS_CERTKEY *=' "$run/exim.macros" || cat "$adoption/exim.lines" >>"$run/exim.macros"
  exim_write_macros "$file"
  ! exim_made || exim_hup
}

# exim_write_macros FILE: with the mode that it had; a file that would be empty and that Debian does not bring goes.
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

# The daemon that listens; a session of somebody is a process of its own, and goes on.
exim_hup() {
  ss -Hltnp | sed -n 's/.*:\(25\|465\|587\) .*"exim4\?",pid=\([0-9]*\).*/\2/p' | sort -u | xargs -r kill -HUP
}
