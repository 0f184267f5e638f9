# Exim opens the certificate at each handshake, so a new name and a renewed file need no reload. It
# looks the name that the client sends up in our list. That name never becomes part of a path, and
# a name that is not in the list gets the default certificate. Exim opens the files as its own user,
# so it has copies of its own that this user owns (0400). A scanner of viruses is often a member of
# Exim's group, so the group may not read them.
# The adapter knows Debian's configuration, which update-exim4.conf makes from macros, and one file
# that an operator wrote.

adapter exim mail by-name

exim_names=$home/exim-names
exim_pems=$home/exim

exim_detect() { exim4 -bV 2>/dev/null | sed -n 's/^Exim version \([0-9.]*\).*/\1/p'; }
exim_ports() { echo 465 25 587; }
exim_directory() { echo /etc/exim4; }
exim_readers() { exim_asked exim_user; }

# The reader of Exim's copies, as `place` wants it. An older adoption has not noted it.
exim_reader() { echo "user:$(cat "$adoption/exim.user" 2>/dev/null || exim_asked exim_user)"; }
exim_programs() { echo exim exim4; }

# Exim takes the first line of a name. So a certificate that is only for mail comes before the
# domain's other certificate, and of two domains with one name the longer one has it. `*` stands for
# what is served by default, which is also served for the host's own name: two files if it has two
# types of key.
exim_render() {
  echo "*: $exim_default"
  awk -v pems="$exim_pems/" -v ours="$exim_default" '
    $5 != "-" { for (i = 7; i <= NF; i++) print ($1 !~ /@/), -split($1, part, "."), $i ": " ($2 == "host" ? ours : pems $1 ".pem") }' "$1" |
    sort -s -k1,1n -k2,2n | cut -d' ' -f3-
}

# exim_apply BEFORE AFTER CHANGED
exim_apply() {
  exim_changed=$3 exim_to=$(exim_reader)
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
    find "$exim_pems/new" -name '*.pem' -exec chown "${exim_to#user:}:root" {} + -exec chmod 0400 {} + -exec sync {} +
    find "$exim_pems/new" -name '*.pem' -exec mv -f -t "$exim_pems" {} +
  fi
  rmdir "$exim_pems/new"
  cat "$exim_names" >"$run/exim.before" 2>/dev/null || :
  exim_place_default "$2"
  exim_render "$2" >"$run/exim.new"
  cmp -s "$run/exim.new" "$exim_names" || place "$run/exim.new" "$exim_names" "$exim_to"
  # A handshake may have read the list before it changed, so the files of that list stay.
  for file in "$home/host"/exim.????????????????.pem; do
    grep -qF "$file" "$exim_names" "$run/exim.before" || rm -f "$file"
  done
  awk 'FILENAME == ARGV[1] { if ($5 != "-") kept[$1] = 1; next } !($1 in kept) { print $1 }' "$2" "$exim_changed" |
    while read -r domain; do rm -f "$exim_pems/$domain.pem"; done
}

# exim_place_default LIST: writes the default chains, and sets `exim_default`, the list of their
# files. A file is called after its content: two types of key are switched together, by the list.
exim_place_default() {
  exim_default=$(sed -n 's/^\*: //p' "$exim_names" 2>/dev/null) || :
  : "${exim_default:=$home/host/exim.pem}"
  default_chains exim "$1" || return 0
  exim_default=
  for chain in "$run/chains.exim"/*.pem; do
    file=$home/host/exim.$(sha256sum <"$chain" | cut -c 1-16).pem
    [ -e "$file" ] || place "$chain" "$file" "$exim_to"
    exim_default="${exim_default:+$exim_default : }$file"
  done
  place_if_new "$run/chains.exim/1.pem" "$home/host/exim.pem" "$exim_to" || :
}

# Exim's group may enter the directory, and not list it. Copies of an older installer get their
# owner.
exim_make_directory() {
  mkdir -p "$exim_pems"
  chgrp "$(exim_asked exim_group)" "$exim_pems"
  chmod 0710 "$exim_pems"
  find "$exim_pems" -name '*.pem' ! -user "${exim_to#user:}" -exec chown "${exim_to#user:}:root" {} + -exec chmod 0400 {} +
}

# Exim looks for the name itself, then for the name with `*` as its first label, then for `*`, as
# the list has them.
exim_value() {
  printf '${lookup{${lc:$tls_in_sni}}lsearch{%s}{$value}{${lookup{*.${lc:${sg{$tls_in_sni}{\\N^[^.]+\\.\\N}{}}}}lsearch{%s}{$value}{${lookup{*}lsearch{%s}{$value}{%s}}}}}}\n' \
    "$exim_names" "$exim_names" "$exim_names" "$home/host/exim.pem"
}

# A macro of Debian sets the option, and its own lines are replaced where they stand: Exim refuses a
# second definition. In an operator's one file the option itself is replaced, and tls_privatekey
# goes, because our files have their keys in them.
exim_plan() {
  if exim_is_generated; then
    setting=MAIN_TLS_CERTKEY
    at=$(exim_last_macro)
  else
    setting=tls_certificate at=
    exim_lines tls_privatekey | sed 's/^\([^:]*:[0-9]*\):/\1 - /'
  fi
  exim_lines "$setting" >"$run/exim.lines"
  sed 's/^\([^:]*:[0-9]*\):/\1 - /' "$run/exim.lines"
  replaced=$(tail -n 1 "$run/exim.lines" | sed 's/^\([^:]*:[0-9]*\):.*/\1/')
  echo "${replaced:-$at} + $setting = $(exim_value)"
  echo 'costs one SIGHUP: sessions go on, and Exim refuses connections until it has read its configuration, as at each of its own reloads: 0.05 to 0.2 s, and 1 s on a busy machine. No delivery needs another one'
  exim_own_chains >"$run/exim.own"
  ! read_chains "$run/exim.own" "$run/exim.chains" || costs_of_rsa "$run/exim.chains"
}

# FILE:LINE where a new macro belongs, by Debian's choice of one template or a directory of parts.
exim_last_macro() {
  file=/etc/exim4/exim4.conf.localmacros
  ! grep -q "^dc_use_split_config='true'" /etc/exim4/update-exim4.conf.conf || file=/etc/exim4/conf.d/main/000_localmacros
  echo "$file:$(awk 'END { print NR }' "$file" 2>/dev/null || echo 0)"
}

exim_planned_files() { sed -n 's/^\(\/[^:]*\):[0-9]* [-+] .*/\1/p' "$run/exim.plan" | sort -u; }

# The files that the options name are there before Exim is asked about a copy of its configuration.
exim_stage() {
  exim_plan >"$run/exim.plan"
  mkdir -p "$adoption"
  exim_own_chains >"$adoption/exim.chain"
  exim_asked exim_user >"$adoption/exim.user"
  exim_place
  copy_tree /etc/exim4 "$1/exim4"
  for file in $(exim_planned_files); do
    copy=$1/exim4${file#/etc/exim4}
    exim_is_generated || copy=$1/config
    as_planned "$run/exim.plan" "$file" >"$run/exim.copy" || { echo "$file has changed since it was read" && return; }
    cp "$run/exim.copy" "$copy"
  done
  ! exim_is_generated || update-exim4.conf -d "$1/exim4" -o "$1/config" >/dev/null 2>&1 || :
  chmod 0644 "$1/config"
  exim4 -C "$1/config" -bV >"$run/exim.error" 2>&1 || { exim_error <"$run/exim.error" && return; }
  case $(exim_asked tls_certificate "$1/config") in
    *"{$exim_names}"*) ;;
    *) echo "with our line it reads tls_certificate as $(exim_asked tls_certificate "$1/config")" ;;
  esac
  for pem in "$home/host"/exim*.pem "$exim_names"; do
    setpriv --reuid "$(exim_asked exim_user)" --regid "$(exim_asked exim_group)" --clear-groups test -r "$pem" || echo "Exim's user cannot read $pem"
  done
}

exim_place() {
  exim_to=$(exim_reader)
  : >"$run/exim.none"
  exim_place_default "$run/exim.none"
  exim_make_directory
  exim_render "$run/exim.none" >"$run/exim.names"
  place "$run/exim.names" "$exim_names" "$exim_to"
}

exim_adopt() {
  exim_plan >"$run/exim.plan"
  read_chains "$adoption/exim.chain" "$run/exim.chains" || return 1
  for file in $(exim_planned_files); do keep exim "$file"; done
  mark_adopting exim
  for file in $(exim_planned_files); do
    as_planned "$run/exim.plan" "$file" >"$run/exim.copy" || return 1
    rewrite exim "$file" "$run/exim.copy"
  done
  exim_made || return 1
  exim_asks || return 1
  exim_hup
}

exim_asks() { exim_asked tls_certificate | grep -Fq "{$exim_names}"; }

exim_undo() {
  give_back exim
  ! exim_made || exim_hup
}

exim_made() {
  ! exim_is_generated || update-exim4.conf >/dev/null 2>&1 || return 1
  exim4 -bV >/dev/null 2>&1
}

# Sends SIGHUP to the process that listens. Each session is a process of its own and goes on.
exim_hup() { exim_pids | xargs -r kill -HUP; }
