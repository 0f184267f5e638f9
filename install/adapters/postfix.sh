# Postfix. An LMDB map leads from a name to key and chain. smtpd reads the map at each handshake, so
# a change needs no reload. smtpd reads the default chain when it starts, so a new default chain
# needs one.

adapter postfix mail by-name

postfix_map=lmdb:$home/sni

postfix_detect() { postconf -h mail_version 2>/dev/null; }
postfix_ports() { echo 465 25 587; }
postfix_directory() { postconf -h config_directory; }
# The map holds the keys, and smtpd opens it before it drops its rights.
postfix_readers() { echo root; }
postfix_programs() { echo master; }
# LMDB grows by whole pages.
postfix_rewrites() { echo "$home/sni.lmdb"; }

# postfix_apply BEFORE AFTER CHANGED
postfix_apply() {
  postfix_changed=$3 postfix_reload=no
  if [ ! -e "$home/sni.lmdb" ]; then
    # A smtpd that found no map does not look for it again, so the new map needs a reload.
    postfix_make_map
    awk '{ print $1 }' "$2" >"$run/postfix.all"
    postfix_changed=$run/postfix.all postfix_reload=yes
  fi
  # Postfix writes `*.example.com` as `.example.com`, which also matches deeper names. A client that
  # asks for a deeper name gets a certificate that does not cover it; without the entry it would,
  # too.
  awk -v live="$home/live/" -v put="$run/postfix.put" -v drop="$run/postfix.drop" '
    function key(name) { sub(/^\*/, "", name); return name }
    BEGIN { printf "" > put; printf "" > drop }
    FILENAME == ARGV[1] { changed[$1] = 1; next }
    $5 == "-" { next }
    FILENAME == ARGV[2] {
      for (i = 7; i <= NF; i++) {
        kept[key($i)] = 1
        if ($1 in changed) print key($i), live $1 ".pem" > put
      }
      next
    }
    $1 in changed { for (i = 7; i <= NF; i++) if (!(key($i) in kept)) print key($i) > drop }' \
    "$postfix_changed" "$2" "$1"
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
  ! default_chain postfix "$2" || postfix_reload=yes
  [ "$postfix_reload" = no ] || postfix reload >/dev/null 2>&1 || :
}

postfix_make_map() {
  postmap -F -i "$postfix_map" </dev/null
  chmod 0600 "$home/sni.lmdb"
}

postfix_obstacle() {
  if ! postconf -d smtpd_tls_chain_files >/dev/null 2>&1 || [ -n "$(postconf -d smtpd_tls_chain_files 2>&1 >/dev/null)" ]; then
    echo 'older than 3.4, it cannot serve by name'
  elif ! postconf -m | grep -qx lmdb; then
    echo 'install the package postfix-lmdb'
  elif postconf -P | grep -Eq 'smtpd_tls_(e?c|d)?(cert|key|chain)_?files?'; then
    echo 'master.cf gives a service a certificate of its own'
  elif [ -z "$(postfix_own_chain)" ]; then
    echo 'it has no certificate'
  fi
}

# The files of the chain that it serves now, key first.
postfix_own_chain() {
  chain=$(postconf -xh smtpd_tls_chain_files | tr , ' ')
  if [ -z "${chain# }" ] && [ -n "$(postconf -xh smtpd_tls_cert_file)" ]; then
    chain="$(postconf -xh smtpd_tls_key_file) $(postconf -xh smtpd_tls_cert_file)"
  fi
  echo "$chain"
}

postfix_plan() {
  maps=$(postconf -xh tls_server_sni_maps)
  echo "main.cf tls_server_sni_maps = $postfix_map${maps:+, $maps}"
  echo "main.cf smtpd_tls_chain_files = $home/host/postfix.pem"
}

postfix_adopt() {
  postconf -n tls_server_sni_maps smtpd_tls_chain_files 2>/dev/null >"$adoption/postfix.lines"
  postfix_own_chain | xargs -n 1 >"$adoption/postfix.chain"
  own_chain postfix "$home/host/postfix.pem"
  # The map is made before the setting: with a missing map every handshake with a name fails.
  [ -e "$home/sni.lmdb" ] || postfix_make_map
  mark_adopting postfix
  postfix_plan | sed 's/^main.cf //' >"$run/postfix.plan"
  while read -r line; do postconf -e "$line"; done <"$run/postfix.plan"
  postfix_asks || return 1
  postfix reload >/dev/null 2>&1 || :
}

postfix_asks() {
  [ "$(postconf -h smtpd_tls_chain_files)" = "$home/host/postfix.pem" ] &&
    postconf -h tls_server_sni_maps | grep -Fq "$postfix_map"
}

# A setting that an operator has changed since stays as it is.
postfix_undo() {
  for setting in tls_server_sni_maps smtpd_tls_chain_files; do
    postconf -h "$setting" | grep -Fq "$home/" || continue
    postconf -X "$setting"
    grep "^$setting =" "$adoption/postfix.lines" >"$run/postfix.line" || continue
    postconf -e "$(cat "$run/postfix.line")"
  done
  postfix reload >/dev/null 2>&1 || :
}
