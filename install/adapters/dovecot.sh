# Dovecot reads certificates only at a reload, and each local_name block costs memory. So there is
# one file of blocks, which is written when names change, and one reload a delivery. With
# `shutdown_clients = no` a reload ends no session.
# 2.3 and 2.4 differ in the words of their settings, and in which of two matching blocks wins.

adapter dovecot mail by-name

dovecot_blocks=$home/dovecot.d/domains.conf
dovecot_words=
dovecot_main=

dovecot_detect() { dovecot --version 2>/dev/null | cut -d' ' -f1; }
dovecot_ports() { echo 993 143 995 110; }
dovecot_directory() { dovecot_find && echo "${dovecot_main%/*}"; }
dovecot_readers() { echo root; }
# imap-login and pop3-login share their listeners with it.
dovecot_programs() { echo dovecot; }

# Sets the words of the installed version: the two settings, what is in the middle and at the end of
# their names, and what stands before a path.
dovecot_speak() {
  [ -z "$dovecot_words" ] || return 0
  dovecot_prefix='' dovecot_suffix='' dovecot_from='<'
  case $(dovecot_detect) in
    2.3.*) dovecot_words=2.3 ;;
    2.4.*) dovecot_words=2.4 dovecot_prefix=server_ dovecot_suffix=_file dovecot_from='' ;;
    *) dovecot_words=none ;;
  esac
  dovecot_cert=ssl_${dovecot_prefix}cert$dovecot_suffix dovecot_key=ssl_${dovecot_prefix}key$dovecot_suffix
  dovecot_alt_cert=ssl_${dovecot_prefix}alt_cert$dovecot_suffix dovecot_alt_key=ssl_${dovecot_prefix}alt_key$dovecot_suffix
}

# If a name and a wildcard both match, 2.3 takes the first block and 2.4 the last (measured on
# 2.3.19 and 2.4.1). So the longest names, and certificates that are only for mail, come first for
# 2.3 and last for 2.4. A block of 2.4 has one name.
# A block has the alternative certificate of the default unless it says otherwise, and that one is
# for the host's own name.
dovecot_render() {
  dovecot_speak
  case $dovecot_words in 2.3) set -- "$1" -k1,1rn -k2,2rn ;; *) set -- "$1" -k1,1n -k2,2n ;; esac
  awk '$5 != "-" { print split($1, part, "."), ($1 ~ /@/), $0 }' "$1" | sort "$2" "$3" -k3,3 |
    awk -v live="$home/live/" -v cert="$dovecot_cert" -v key="$dovecot_key" -v from="$dovecot_from" \
      -v alt="${dovecot_alternative:+  $dovecot_alt_cert =\\n  $dovecot_alt_key =\\n}" '
      function block(names) {
        printf "local_name \"%s\" {\n  %s = %s%s%s.pem\n  %s = %s%s%s.pem\n%s}\n", names, cert, from, live, $3, key, from, live, $3, $4 == "host" ? "" : alt
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
  dovecot_find
  dovecot_reload=$(awk 'FILENAME == ARGV[1] { changed[$1] = 1; next } $1 in changed && $5 != "-" { print "yes"; exit }' "$3" "$1" "$2")
  ! dovecot_default "$2" || dovecot_reload=yes
  dovecot_render "$2" >"$run/dovecot.new"
  if ! cmp -s "$run/dovecot.new" "$dovecot_blocks"; then
    cp "$dovecot_blocks" "$run/dovecot.old" 2>/dev/null || : >"$run/dovecot.old"
    dovecot_place "$run/dovecot.new" "$dovecot_blocks"
    dovecot_reload=yes
    # With -x doveconf opens the files that are named. A configuration that fails here would not
    # start after a reboot.
    if ! doveconf -c "$dovecot_main" -x -n >/dev/null 2>"$run/dovecot.error"; then
      dovecot_place "$run/dovecot.old" "$dovecot_blocks"
      tail -n 1 "$run/dovecot.error" >"$run/why.dovecot"
      : >"$run/hopeless.dovecot"
      dovecot_reload=
    fi
  fi
  # shellcheck disable=SC2046
  [ -s "$run/why.dovecot" ] || dovecot_rival $(awk 'FILENAME == ARGV[1] { changed[$1] = 1; next } $1 in changed && $5 != "-" { for (i = 7; i <= NF; i++) print $i }' "$3" "$1" "$2") >"$run/why.dovecot"
  [ -z "$dovecot_reload" ] || dovecot_reload_watched
  [ -n "$dovecot_alternative" ] || rm -f "$home/host/dovecot.alt.pem"
}

dovecot_place() {
  mkdir -p "$home/dovecot.d"
  place "$1" "$2"
}

# dovecot_default LIST: keeps host/dovecot.pem and the alternative certificate beside it. True if
# one of them changed. Sets `dovecot_alternative`, empty if there is none.
dovecot_default() {
  dovecot_speak
  dovecot_changed=1 dovecot_alternative=
  if ! default_chains dovecot "$1"; then
    [ ! -e "$home/host/dovecot.alt.pem" ] || dovecot_alternative=$dovecot_from$home/host/dovecot.alt.pem
    return 1
  fi
  ! place_if_new "$run/chains.dovecot/1.pem" "$home/host/dovecot.pem" || dovecot_changed=0
  if [ -e "$run/chains.dovecot/2.pem" ]; then
    dovecot_alternative=$dovecot_from$home/host/dovecot.alt.pem
    ! place_if_new "$run/chains.dovecot/2.pem" "$home/host/dovecot.alt.pem" || dovecot_changed=0
  fi
  for setting in "$dovecot_alt_cert" "$dovecot_alt_key"; do echo "$setting = $dovecot_alternative"; done >"$run/dovecot.default"
  mkdir -p "$home/dovecot.d"
  ! place_if_new "$run/dovecot.default" "$home/dovecot.d/default.conf" || dovecot_changed=0
  return "$dovecot_changed"
}

# Where our settings go. A file of our own in conf.d leaves the main file as Debian delivers it. If
# nothing reads conf.d, or a setting after it would win over ours, the main file gets one more line
# at its end.
dovecot_choose() {
  dovecot_read >"$run/dovecot.lines"
  directory=${dovecot_main%/*} dovecot_line=
  dovecot_conf=$directory/conf.d/99-sealpost.conf
  if ! grep -Eq "^[[:space:]]*!include(_try)?[[:space:]]+($directory/)?conf\.d/\*\.conf[[:space:]]*$" "$dovecot_main" ||
    ! awk -F '\t' -v conf="$dovecot_conf" -v directory="${dovecot_conf%/*}/" '
      {
        file = $1
        sub(/:[0-9]*$/, "", file)
        if (index(file, directory) == 1 && file <= conf) later = 0
        else if ($2 == "" && $3 ~ /^(shutdown_clients|ssl_(server_)?(alt_)?(cert|key)(_file)?)$/) later = 1
        else if ($2 ~ /^service (config|imap-login|pop3-login)$/ && $3 ~ /^(vsz_limit|restart_request_count|process_min_avail)$/) later = 1
      }
      END { exit later }' "$run/dovecot.lines"; then
    dovecot_conf=$directory/sealpost.conf
    dovecot_line="!include_try $dovecot_conf"
  fi
}

# The lines of our file. What an operator has set higher stays.
dovecot_settings() {
  echo "# Written by sealpost's adoption; undo-adoption removes this file. A reload ends no session and has"
  echo '# memory for thousands of certificates. Below: the default certificate, and the blocks of all domains.'
  echo 'shutdown_clients = no'
  case $(dovecot_memory) in
    unlimited) ;;
    *) [ "$(dovecot_memory)" -ge 2097152 ] || printf 'service config {\n  vsz_limit = 2G\n}\n' ;;
  esac
  # By default each login process of 2.4 serves one connection and reads all blocks first: with
  # 1,000 blocks that is 24 handshakes a second.
  [ "$dovecot_words" != 2.4 ] || doveconf -c "$dovecot_main" -h protocols 2>/dev/null | sed -n 's/^\(imap\|pop3\) = yes$/\1/p' | while read -r protocol; do
    echo "service $protocol-login {"
    for setting in 'restart_request_count = unlimited' 'process_min_avail = 2'; do
      awk -F '\t' -v blocks="service $protocol-login" -v name="${setting%% *}" '$2 == blocks && $3 == name { exit 1 }' "$run/dovecot.lines" && echo "  $setting"
    done
    echo '}'
  done
  echo "$dovecot_cert = $dovecot_from$home/host/dovecot.pem"
  echo "$dovecot_key = $dovecot_from$home/host/dovecot.pem"
  echo "!include_try $home/dovecot.d/*.conf"
}

dovecot_plan() {
  dovecot_speak
  dovecot_find
  dovecot_choose
  dovecot_settings | sed "s|^|$dovecot_conf:0 + |"
  [ -z "$dovecot_line" ] || echo "$dovecot_main:$(awk 'END { print NR }' "$dovecot_main") + $dovecot_line"
  rm -f "$run/dovecot.settings"
  if [ "$(dovecot_asked shutdown_clients)" = no ]; then
    echo 'costs one reload; sessions go on'
  else
    echo 'costs one reload, which ends the sessions of that moment, once; no later reload ends a session'
  fi
  dovecot_own_chains >"$run/dovecot.own"
  ! read_chains "$run/dovecot.own" "$run/dovecot.chains" || costs_of_rsa "$run/dovecot.chains"
}

# The files that the settings name are there before Dovecot is asked about a copy of its files.
dovecot_stage() {
  dovecot_plan >"$run/dovecot.plan"
  directory=${dovecot_main%/*}
  dovecot_own_chains >"$run/dovecot.own"
  read_chains "$run/dovecot.own" "$run/dovecot.chains" || { echo "$fault" && return; }
  mkdir -p "$adoption"
  cp "$run/dovecot.own" "$adoption/dovecot.chain"
  : >"$run/dovecot.none"
  dovecot_default "$run/dovecot.none" || :
  [ -e "$dovecot_blocks" ] || dovecot_place "$run/dovecot.none" "$dovecot_blocks"
  copy_tree "$directory" "$1/dovecot"
  copy=$1/dovecot/${dovecot_main##*/}
  dovecot_as_planned || { echo "$dovecot_main has changed since it was read" && return; }
  cp "$run/dovecot.conf" "$1/dovecot/${dovecot_conf#"$directory/"}"
  sed "s|^\([[:space:]]*!include[a-z_]*[[:space:]]*\)$directory/|\1$1/dovecot/|" "$run/dovecot.main" >"$copy"
  if ! doveconf -c "$copy" -n -x >/dev/null 2>"$run/dovecot.error"; then
    tail -n 1 "$run/dovecot.error"
  elif ! dovecot_is_ours "$copy"; then
    echo "with our lines it reads $dovecot_cert as $(dovecot_dump "$copy" | sed -n "s/^$dovecot_cert = //p" | tail -n 1)"
  fi
}

# Writes $run/dovecot.conf and $run/dovecot.main as the plan says.
dovecot_as_planned() {
  as_planned "$run/dovecot.plan" "$dovecot_conf" >"$run/dovecot.conf" && as_planned "$run/dovecot.plan" "$dovecot_main" >"$run/dovecot.main"
}

dovecot_adopt() {
  dovecot_plan >"$run/dovecot.plan"
  dovecot_as_planned || return 1
  read_chains "$adoption/dovecot.chain" "$run/dovecot.chains" || return 1
  echo "$dovecot_main" >"$adoption/dovecot.main"
  keep dovecot "$dovecot_conf"
  [ -z "$dovecot_line" ] || keep dovecot "$dovecot_main"
  mark_adopting dovecot
  rewrite dovecot "$dovecot_conf" "$run/dovecot.conf"
  [ -z "$dovecot_line" ] || rewrite dovecot "$dovecot_main" "$run/dovecot.main"
  dovecot_asks || return 1
  doveadm -c "$dovecot_main" reload >/dev/null 2>&1 || :
}

dovecot_asks() {
  dovecot_speak
  dovecot_find
  [ ! -e "$adoption/dovecot.main" ] || [ "$(cat "$adoption/dovecot.main")" = "$dovecot_main" ] || return 1
  dovecot_is_ours "$dovecot_main"
}

# dovecot_is_ours MAIN: true if our settings are in force in this configuration.
dovecot_is_ours() {
  dovecot_dump "$1" | awk -v cert="$dovecot_cert" -v file="$dovecot_from$home/host/dovecot.pem" '
    $1 == cert { ours = $3 == file }
    $1 == "shutdown_clients" { stays = $3 == "no" }
    END { exit !(ours && stays) }'
}

dovecot_undo() {
  dovecot_find
  give_back dovecot
  doveadm -c "$dovecot_main" reload >/dev/null 2>&1 || :
  dovecot_main=
}
