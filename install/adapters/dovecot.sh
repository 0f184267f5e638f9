# Dovecot reads certificates only at a reload, and each local_name block costs memory. So there is
# one file of blocks, which is written when names change, and one reload a delivery. With
# `shutdown_clients = no` a reload ends no session.
# 2.3 and 2.4 differ in the words of their settings, and in which of two matching blocks wins.

adapter dovecot mail by-name

dovecot_conf=/etc/dovecot/conf.d/99-sealpost.conf
dovecot_blocks=$home/dovecot.d/domains.conf
dovecot_words=
dovecot_room=

dovecot_detect() { dovecot --version 2>/dev/null | cut -d' ' -f1; }
dovecot_ports() { echo 993 143 995 110; }
dovecot_directory() { echo /etc/dovecot; }
dovecot_readers() { echo root; }
# imap-login and pop3-login share their listeners with it.
dovecot_programs() { echo dovecot; }

# Sets the words of the installed version: the two settings, the prefix by which doveconf is asked
# for them, and what stands before a path.
dovecot_speak() {
  [ -z "$dovecot_words" ] || return 0
  case $(dovecot_detect) in
    2.3.*) dovecot_words=2.3 dovecot_cert=ssl_cert dovecot_key=ssl_key dovecot_asked=ssl_ dovecot_from='<' ;;
    2.4.*) dovecot_words=2.4 dovecot_cert=ssl_server_cert_file dovecot_key=ssl_server_key_file dovecot_asked=ssl_server/ dovecot_from='' ;;
    *) dovecot_words=none ;;
  esac
}

# If a name and a wildcard both match, 2.3 takes the first block and 2.4 the last (measured on
# 2.3.19 and 2.4.1). So the longest names, and certificates that are only for mail, come first for
# 2.3 and last for 2.4. A block of 2.4 has one name.
dovecot_render() {
  dovecot_speak
  case $dovecot_words in 2.3) set -- "$1" -k1,1rn -k2,2rn ;; *) set -- "$1" -k1,1n -k2,2n ;; esac
  awk '$5 != "-" { print split($1, part, "."), ($1 ~ /@/), $0 }' "$1" | sort "$2" "$3" -k3,3 |
    awk -v live="$home/live/" -v cert="$dovecot_cert" -v key="$dovecot_key" -v from="$dovecot_from" '
      function block(names) {
        printf "local_name \"%s\" {\n  %s = %s%s%s.pem\n  %s = %s%s%s.pem\n}\n", names, cert, from, live, $3, key, from, live, $3
      }
      from == "<" {
        names = $9
        for (i = 10; i <= NF; i++) names = names " " $i
        block(names)
        next
      }
      {
        for (i = 9; i <= NF; i++) if ($i ~ /^\*/) block($i)
        for (i = 9; i <= NF; i++) if ($i !~ /^\*/) block($i)
      }'
}

# dovecot_apply BEFORE AFTER CHANGED
dovecot_apply() {
  # `doveadm reload` always has exit code 0. Only a handshake shows whether the reload worked.
  dovecot_reload=$(awk 'FILENAME == ARGV[1] { changed[$1] = 1; next } $1 in changed && $5 != "-" { print "yes"; exit }' "$3" "$1" "$2")
  dovecot_render "$2" >"$run/dovecot.new"
  if ! cmp -s "$run/dovecot.new" "$dovecot_blocks"; then
    cp "$dovecot_blocks" "$run/dovecot.old" 2>/dev/null || : >"$run/dovecot.old"
    dovecot_place "$run/dovecot.new"
    dovecot_reload=yes
    # With -x doveconf opens the files that are named. A configuration that fails here would not
    # start after a reboot.
    if ! doveconf -x -n >/dev/null 2>"$run/dovecot.error"; then
      dovecot_place "$run/dovecot.old"
      tail -n 1 "$run/dovecot.error" >"$run/why.dovecot"
      dovecot_reload=
    fi
  fi
  ! default_chain dovecot "$2" || dovecot_reload=yes
  [ -z "$dovecot_reload" ] || doveadm reload >/dev/null 2>&1 || :
}

# The listeners with `haproxy = yes`. 2.4 does not print the ports that it gives to these names.
dovecot_proxied() {
  doveconf -a 2>/dev/null | awk '
    BEGIN { usual["imap"] = 143; usual["imaps"] = 993; usual["pop3"] = 110; usual["pop3s"] = 995 }
    $1 == "inet_listener" { inside = 1; haproxy = address = ""; port = usual[$2] + 0; next }
    inside && $2 == "=" {
      if ($1 == "haproxy") haproxy = $3
      if ($1 == "port") port = $3
      if ($1 == "address" || $1 == "listen") address = $3
    }
    inside && /}/ {
      inside = 0
      if (haproxy != "yes" || !port) next
      print (address == "" || address == "::" ? "*" : address ~ /:/ ? "[" address "]" : address) ":" port
    }'
}

# dovecot_log FROM: errors of configuration since then. `Conflict in setting` is logged when two
# blocks match one client, who is then served nothing.
dovecot_log() {
  log=$(doveconf -h log_path 2>/dev/null)
  case $log in
    /*) lines_since "$1" "$log" ;;
    *) journal_since "$1" dovecot && for log in /var/log/mail.log /var/log/maillog; do lines_since "$1" "$log" | grep dovecot; done ;;
  esac | grep -E 'Conflict in setting|(Error|Fatal): .*(doveconf|[Cc]onfiguration|ssl_(server_)?(cert|key)|SSL certificate|SSL private key)' || :
}

dovecot_place() {
  mkdir -p "$home/dovecot.d"
  place "$1" "$dovecot_blocks"
}

dovecot_facts() {
  fact blocks "$(dovecot_count)"
  fact blocks-max "$(dovecot_blocks_max)"
}

dovecot_count() { doveconf -n 2>/dev/null | grep -c '^local_name' || :; }

# How many blocks fit into vsz_limit. 2.3: a block takes 137 kB, and a reload needs the old blocks
# and the new ones, so 280 kB a block. Reading more than 5,000 blocks takes over 5 s, and at 10 s
# the master refuses without a message. 2.4: a block takes 10 kB, but 10,000 blocks do not reload in
# 256 MB, because buffers double as they grow; so 50 kB a block. Reading 10,000 takes 5 s.
dovecot_blocks_max() {
  dovecot_speak
  case $dovecot_words in 2.3) set -- 280 5000 ;; *) set -- 50 10000 ;; esac
  { doveconf -h service/config/vsz_limit default_vsz_limit || echo 256 M; } 2>/dev/null | awk -v each="$1" -v limit="$2" '
    $1 == "unlimited" { print limit; exit }
    $1 != "" {
      unit = $0
      gsub(/[0-9 ]/, "", unit)
      kb = $1 * (unit ~ /^G/ ? 1048576 : unit ~ /^M/ ? 1024 : unit ~ /^[kK]/ ? 1 : 1 / 1024)
      # 2.3 says "the default" as 2^64 - 1, and 2.4 as an empty value; the default is on the next
      # line.
      if (kb < 1e12) { most = int(kb / each); print (most > limit ? limit : most); exit }
    }'
}


# One more domain with NAMES needs one block on 2.3, and one for each name on 2.4.
dovecot_reserve() {
  dovecot_speak
  : "${dovecot_room:=$(($(dovecot_blocks_max) - $(dovecot_count)))}"
  case $dovecot_words in 2.3) set -- all ;; esac
  if [ "$dovecot_room" -lt $# ]; then
    full="Dovecot's memory (vsz_limit) holds $(dovecot_blocks_max) blocks of certificates, twice over for a reload"
    return 1
  fi
  dovecot_room=$((dovecot_room - $#))
}

dovecot_obstacle() {
  dovecot_speak
  if [ "$dovecot_words" = none ]; then
    echo 'only 2.3 and 2.4 are known to this installer'
  elif ! doveconf -n >/dev/null 2>&1; then
    echo 'its configuration has an error'
  elif [ "$(doveconf -h ssl)" = no ] || [ -z "$(dovecot_own cert)" ]; then
    echo 'it has no certificate'
  elif [ -n "$(dovecot_own alt_cert)" ]; then
    echo 'its alternative certificate would be served beside ours'
  fi
}

# dovecot_own cert|key|alt_cert: the file that it serves by default.
dovecot_own() {
  case $dovecot_words in 2.3) set -- "$1" ;; *) set -- "${1}_file" ;; esac
  doveconf -h "$dovecot_asked$1" 2>/dev/null | sed 's/^<//'
}

# The settings that adoption writes, without the certificates, a line each.
dovecot_settings() {
  echo 'shutdown_clients = no'
  echo 'service config { vsz_limit = 2G }'
  [ "$dovecot_words" = 2.4 ] || return 0
  # By default each login process serves one connection and reads all blocks first: with 1,000
  # blocks that is 24 handshakes a second.
  doveconf -h protocols 2>/dev/null | sed -n 's/^\(imap\|pop3\) = yes$/service \1-login { restart_request_count = unlimited; process_min_avail = 2 }/p'
}

dovecot_plan() {
  dovecot_speak
  dovecot_settings | sed "s|^|$dovecot_conf |"
  echo "$dovecot_conf $dovecot_cert, $dovecot_key = $dovecot_from$home/host/dovecot.pem"
  echo "$dovecot_conf !include_try $home/dovecot.d/*.conf"
}

dovecot_adopt() {
  dovecot_speak
  { dovecot_own key && dovecot_own cert; } >"$adoption/dovecot.chain"
  own_chain dovecot "$home/host/dovecot.pem"
  : >"$run/dovecot.none"
  [ -e "$dovecot_blocks" ] || dovecot_place "$run/dovecot.none"
  mark_adopting dovecot
  {
    echo "# Written by sealpost's adoption; undo-adoption removes this file. A reload ends no session and has"
    echo '# memory for thousands of certificates. Below: the default certificate, and the blocks of all domains.'
    dovecot_settings | sed 's/{ /{\n  /; s/; /\n  /g; s/ }$/\n}/'
    echo "$dovecot_cert = $dovecot_from$home/host/dovecot.pem"
    echo "$dovecot_key = $dovecot_from$home/host/dovecot.pem"
    echo "!include_try $home/dovecot.d/*.conf"
  } >"$run/dovecot.conf"
  chmod 0644 "$run/dovecot.conf"
  place "$run/dovecot.conf" "$dovecot_conf"
  # Settings that come after conf.d, as in local.conf, win over ours. Then Dovecot is not adopted.
  dovecot_asks || return 1
  doveadm reload >/dev/null 2>&1 || :
}

dovecot_asks() {
  dovecot_speak
  [ "$(dovecot_own cert)" = "$home/host/dovecot.pem" ] && [ "$(doveconf -h shutdown_clients 2>/dev/null)" = no ]
}

dovecot_undo() {
  rm -f "$dovecot_conf"
  doveadm reload >/dev/null 2>&1 || :
}
