# Dovecot reads certificates at a reload only, and each local_name block costs it memory: one file of blocks, written when
# the names change, and one reload a delivery. A reload ends nobody's session once `shutdown_clients = no` is in force.

dovecot_conf=/etc/dovecot/conf.d/99-sealpost.conf
dovecot_blocks=$home/dovecot.d/domains.conf

dovecot_version() { dovecot --version 2>/dev/null | cut -d' ' -f1; }

# Longest names first, and of a domain the certificate that is for mail alone: with a name and a wildcard that both
# match, the first block wins.
dovecot_render() {
  awk '$5 != "-" { print split($1, part, "."), ($1 !~ /@/), $0 }' "$1" | sort -k1,1rn -k2,2n -k3,3 | awk -v live="$home/live/" '
    {
      names = $9
      for (i = 10; i <= NF; i++) names = names " " $i
      printf "local_name \"%s\" {\n  ssl_cert = <%s%s.pem\n  ssl_key = <%s%s.pem\n}\n", names, live, $3, live, $3
    }'
}

# dovecot_apply BEFORE AFTER CHANGED
dovecot_apply() {
  # `doveadm reload` has status 0 whatever comes of it, so nothing here decides: what is served decides.
  dovecot_reload=$(awk 'FILENAME == ARGV[1] { changed[$1] = 1; next } $1 in changed && $5 != "-" { print "yes"; exit }' "$3" "$1" "$2")
  dovecot_render "$2" >"$run/dovecot.new"
  if ! cmp -s "$run/dovecot.new" "$dovecot_blocks"; then
    cp "$dovecot_blocks" "$run/dovecot.old" 2>/dev/null || : >"$run/dovecot.old"
    place "$run/dovecot.new" "$dovecot_blocks"
    dovecot_reload=yes
    # With -x it opens the files that are named; a configuration that fails here would not start after a reboot.
    if ! doveconf -x -n >/dev/null 2>"$run/dovecot.error"; then
      place "$run/dovecot.old" "$dovecot_blocks"
      tail -n 1 "$run/dovecot.error" >"$run/why.dovecot"
      dovecot_reload=
    fi
  fi
  ! default_chain dovecot "$2" || dovecot_reload=yes
  [ -z "$dovecot_reload" ] || doveadm reload >/dev/null 2>&1 || :
}

dovecot_count() { doveconf -n 2>/dev/null | grep -c '^local_name' || :; }

# A block takes 137 kB, a reload needs both the old and the new: 280 kB of vsz_limit each. Past 5,000 blocks reading them
# takes over 5 s, and at 10 s the master silently refuses.
dovecot_blocks_max() {
  { doveconf -h service/config/vsz_limit default_vsz_limit || echo 256 M; } 2>/dev/null | awk '
    {
      kb = $1 * ($2 ~ /^G/ ? 1048576 : $2 ~ /^M/ ? 1024 : $2 ~ /^k/ ? 1 : 1 / 1024)
      # 2^64 - 1 says "the default", on the next line.
      if (kb < 1e12) { most = int(kb / 280); print (most > 5000 ? 5000 : most); exit }
    }'
}

dovecot_room() { echo $(($(dovecot_blocks_max) - $(dovecot_count))); }

dovecot_obstacle() {
  case $(dovecot_version) in
    2.3.*) ;;
    *) echo 'only 2.3 is known to this installer' && return ;;
  esac
  if ! doveconf -n >/dev/null 2>&1; then
    echo 'its configuration has an error'
  elif [ "$(doveconf -h ssl)" = no ] || [ -z "$(dovecot_own ssl_cert)" ]; then
    echo 'it has no certificate'
  elif [ -n "$(dovecot_own ssl_alt_cert)" ]; then
    echo 'ssl_alt_cert would be served beside ours'
  fi
}

dovecot_own() { doveconf -h "$1" 2>/dev/null | sed -n 's/^<//p'; }

dovecot_plan() {
  echo "$dovecot_conf shutdown_clients = no"
  echo "$dovecot_conf service config { vsz_limit = 2G }"
  echo "$dovecot_conf ssl_cert, ssl_key = <$home/host/dovecot.pem"
  echo "$dovecot_conf !include_try $home/dovecot.d/*.conf"
}

dovecot_adopt() {
  { dovecot_own ssl_key && dovecot_own ssl_cert; } >"$adoption/dovecot.chain"
  own_chain dovecot "$home/host/dovecot.pem"
  [ -e "$dovecot_blocks" ] || : >"$dovecot_blocks"
  mark_adopting dovecot
  cat >"$run/dovecot.conf" <<-EOF
	# Written by sealpost's adoption, removed by its undo-adoption. Nobody's session ends at a reload; memory for a reload
	# with 5,000 certificates; the default certificate and one block a domain.
	shutdown_clients = no
	service config {
	  vsz_limit = 2G
	}
	ssl_cert = <$home/host/dovecot.pem
	ssl_key = <$home/host/dovecot.pem
	!include_try $home/dovecot.d/*.conf
	EOF
  chmod 0644 "$run/dovecot.conf"
  place "$run/dovecot.conf" "$dovecot_conf"
  # Settings after conf.d, as in local.conf, would win over ours: then it is not adopted.
  [ "$(dovecot_own ssl_cert)" = "$home/host/dovecot.pem" ] && [ "$(doveconf -h shutdown_clients)" = no ] || return 1
  doveadm reload >/dev/null 2>&1 || :
}

dovecot_undo() {
  rm -f "$dovecot_conf"
  doveadm reload >/dev/null 2>&1 || :
}
