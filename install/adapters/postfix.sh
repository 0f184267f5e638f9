# Postfix. An LMDB map leads from a name to key and chain. smtpd reads the map at each handshake, so
# a change needs no reload. smtpd reads the default chain when it starts, so a new default chain
# needs one. smtpd_tls_chain_files takes a chain for each type of key.
# One machine may have several instances. The adapter knows the one that has the ports.

adapter postfix mail by-name

postfix_map=lmdb:$home/sni
postfix_at=

postfix_detect() { postconf -h mail_version 2>/dev/null; }
postfix_ports() { echo 465 25 587; }
postfix_directory() { postfix_find && echo "$postfix_at"; }
# The map holds the keys, and smtpd opens it before it drops its rights.
postfix_readers() { echo root; }
postfix_programs() { echo master; }
# LMDB grows by whole pages.
postfix_rewrites() { echo "$home/sni.lmdb"; }

# Sets `postfix_at`, the configuration directory of the instance that has the ports. Without one it
# is the adopted instance, or the main one.
postfix_find() {
  [ -z "$postfix_at" ] || return 0
  postfix_at=$(postfix_listeners | awk '{ print $2; exit }')
  if [ -z "$postfix_at" ] && [ -e "$adoption/postfix.directory" ]; then
    postfix_at=$(cat "$adoption/postfix.directory")
  fi
  : "${postfix_at:=$(postconf -h config_directory)}"
}

# Prints `PORTS DIRECTORY PID` for each instance that listens on one of our ports. `postfix start`
# gives master its directory in the environment.
postfix_listeners() {
  ss -Hltnp | sed -n 's/^.*:\(25\|465\|587\) .*("master",pid=\([0-9]*\),.*/\2 \1/p' | sort -u |
    awk '{ ports[$1] = ports[$1] "," $2 } END { for (pid in ports) print pid, substr(ports[pid], 2) }' | sort -n |
    while read -r pid ports; do
      directory=$(tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | sed -n 's/^MAIL_CONFIG=//p')
      echo "$ports ${directory:-$(postconf -h config_directory)} $pid"
    done
}

postfix_conf() { postconf -c "$postfix_at" "$@" 2>/dev/null; }

postfix_plan() {
  postfix_find
  maps=$(postfix_conf -h tls_server_sni_maps | sed "s|$postfix_map,* *||")
  postfix_planned tls_server_sni_maps "$postfix_map${maps:+, $maps}"
  postfix_planned smtpd_tls_chain_files "$home/host/postfix.pem"
  echo 'costs one reload; sessions go on'
  postfix_own_chains >"$run/postfix.chains"
  ! read_chains "$run/postfix.chains" "$run/postfix.own" || costs_of_rsa "$run/postfix.own"
  postfix_services >"$run/postfix.services"
  postfix_levels | sed -n "s|^\([0-9]*\) \(.*\) off\$|costs nothing for \2: $postfix_at/master.cf:\1 offers no TLS there|p"
}

# postfix_planned NAME VALUE: the lines that NAME has go, and one comes in their place.
postfix_planned() {
  postfix_lines "$1" >"$run/postfix.lines"
  sed "s|^\([0-9]*\) |$postfix_at/main.cf:\1 - |" "$run/postfix.lines"
  at=$(tail -n 1 "$run/postfix.lines" | sed 's/ .*//')
  echo "$postfix_at/main.cf:${at:-$(awk 'END { print NR }' "$postfix_at/main.cf")} + $1 = $2"
}

# `postfix check` finds nothing wrong where smtpd would serve without TLS (measured), and smtpd
# cannot be asked to try a chain. So the chains are tried by the library that smtpd uses.
postfix_stage() {
  postfix_find
  copy_tree "$postfix_at" "$1/postfix"
  postfix_plan >"$run/postfix.plan"
  as_planned "$run/postfix.plan" "$postfix_at/main.cf" >"$1/postfix/main.cf" || echo "$postfix_at/main.cf has changed since it was read"
  for setting in smtpd_tls_chain_files tls_server_sni_maps; do
    said=$(postconf -c "$1/postfix" -h "$setting" 2>/dev/null)
    case $said in
      "$home/host/postfix.pem" | "$postfix_map"*) ;;
      *) echo "with our line it reads $setting as $said" ;;
    esac
  done
  postfix_chain_fault
}

postfix_adopt() {
  postfix_find
  postfix_plan >"$run/postfix.plan"
  as_planned "$run/postfix.plan" "$postfix_at/main.cf" >"$run/postfix.main" || return 1
  echo "$postfix_at" >"$adoption/postfix.directory"
  postfix_own_chains >"$adoption/postfix.chain"
  read_chains "$adoption/postfix.chain" "$run/postfix.own" || return 1
  : >"$run/postfix.none"
  postfix_default "$run/postfix.none" || :
  # The map is made before the setting: with a missing map every handshake with a name fails.
  [ -e "$home/sni.lmdb" ] || postfix_make_map
  keep postfix "$postfix_at/main.cf"
  mark_adopting postfix
  rewrite postfix "$postfix_at/main.cf" "$run/postfix.main"
  postfix_asks || return 1
  postfix_reload
}

# Postfix waits for two seconds with a file that has just changed, because somebody may still be
# writing it. Ours is renamed into place whole.
postfix_reload() {
  touch -c -d '1 minute ago' "$postfix_at/main.cf"
  postfix -c "$postfix_at" reload >/dev/null 2>&1 || :
}

# False, too, if another instance has the ports now.
postfix_asks() {
  postfix_find
  [ ! -e "$adoption/postfix.directory" ] || [ "$(cat "$adoption/postfix.directory")" = "$postfix_at" ] || return 1
  [ "$(postfix_conf -h smtpd_tls_chain_files)" = "$home/host/postfix.pem" ] &&
    postfix_conf -h tls_server_sni_maps | grep -Fq "$postfix_map"
}

postfix_undo() {
  [ ! -e "$adoption/postfix.directory" ] || postfix_at=$(cat "$adoption/postfix.directory")
  postfix_find
  give_back postfix
  postfix_reload
  postfix_at=
}

# postfix_default LIST: all default chains in one file. True if the file changed.
postfix_default() {
  own_intermediates=$(postfix_conf -xh smtpd_tls_CAfile)
  default_chains postfix "$1" || return 1
  own_intermediates=
  cat "$run/chains.postfix"/*.pem >"$run/postfix.chain"
  place_if_new "$run/postfix.chain" "$home/host/postfix.pem"
}

# postfix_apply BEFORE AFTER CHANGED
postfix_apply() {
  postfix_find
  cp "$3" "$run/postfix.changed"
  postfix_reload=no
  if [ ! -e "$home/sni.lmdb" ]; then
    # A smtpd that found no map does not look for it again, so the new map needs a reload.
    postfix_make_map
    awk '{ print $1 }' "$2" >"$run/postfix.changed"
    postfix_reload=yes
  fi
  if postfix_default "$2"; then
    postfix_reload=yes
    awk '$2 == "host" { print $1 }' "$2" >>"$run/postfix.changed"
  fi
  # An operator's map with the very name of the mail server would win over our name with a star.
  exact=
  [ "$(postfix_conf -h tls_server_sni_maps)" = "$postfix_map" ] || exact=yes
  postfix_sort "$1" "$2" "$run/postfix.changed"
  [ ! -s "$run/postfix.drop" ] || postmap -d - "$postfix_map" <"$run/postfix.drop" 2>/dev/null || :
  if [ -s "$run/postfix.put" ]; then
    # Without -r postmap keeps an old value, with exit code 0. A missing PEM is a warning, also with
    # exit code 0. So the names are read back and counted.
    postmap -F -i -r "$postfix_map" <"$run/postfix.put" 2>"$run/postfix.error" || :
    found=$(cut -d' ' -f1 "$run/postfix.put" | postmap -Fq - "$postfix_map" 2>/dev/null | awk -F'\t' 'NF == 2' | wc -l)
    if [ -s "$run/postfix.error" ] || [ "$found" != "$(wc -l <"$run/postfix.put")" ]; then
      { cat "$run/postfix.error" && echo 'postmap did not take every name'; } | head -n 1 >"$run/why.postfix"
    fi
  fi
  [ "$postfix_reload" = no ] || postfix_reload
}

# postfix_sort BEFORE AFTER CHANGED: writes $run/postfix.put, `NAME FILE` for each name whose entry
# changes, and $run/postfix.drop, the names that go. The map has the content of the files. So a name
# that two domains have is written again as soon as one of them changes or goes; the longer domain
# has it.
# Postfix writes `*.example.com` as `.example.com`, which also matches deeper names. A client that
# asks for a deeper name gets a certificate that does not cover it; without the entry it would, too.
# The host's own name is served what is served by default.
postfix_sort() {
  awk -v home="$home/" -v exact="$exact" -v put="$run/postfix.put" -v drop="$run/postfix.drop" '
    function key(name) { sub(/^\*/, "", name); return name }
    BEGIN { printf "" > put; printf "" > drop }
    FILENAME == ARGV[1] { changed[$1] = 1; next }
    $5 == "-" { next }
    $1 in changed {
      for (i = 7; i <= NF; i++) touched[key($i)] = 1
      if (exact || FILENAME == ARGV[3]) touched[key($5)] = 1
    }
    FILENAME == ARGV[2] {
      file = home ($2 == "host" ? "host/postfix" : "live/" $1) ".pem"
      labels = split($1, part, ".")
      for (i = 7; i <= NF; i++)
        if (labels > of[key($i)] + 0) { of[key($i)] = labels; has[key($i)] = file }
      if (exact) probe[key($5)] = file
    }
    END {
      for (name in probe) if (!(name in has)) has[name] = probe[name]
      for (name in touched) if (name in has) print name, has[name] > put; else print name > drop
    }' "$3" "$2" "$1"
}

postfix_make_map() {
  postmap -F -i "$postfix_map" </dev/null
  chmod 0600 "$home/sni.lmdb"
}
