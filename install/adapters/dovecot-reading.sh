# What the adapter of Dovecot reads: the process that has the ports, the settings in force, and the
# line of each setting in each file. Nothing here changes anything.

# Sets `dovecot_main`, the configuration file of the process that has the ports; the rest is beside
# it. Without such a process it is the adopted one, or Dovecot's own default.
dovecot_find() {
  [ -z "$dovecot_main" ] || return 0
  dovecot_main=$(dovecot_listeners | awk '{ print $2; exit }')
  if [ -z "$dovecot_main" ] && [ -e "$adoption/dovecot.main" ]; then
    dovecot_main=$(cat "$adoption/dovecot.main")
  fi
  [ -n "$dovecot_main" ] || dovecot_main=$(dovecot_default_main)
}

# doveconf reads all blocks before it prints, so it is asked once a run.
dovecot_default_main() {
  [ -s "$run/dovecot.of-debian" ] || doveconf 2>/dev/null | sed -n '1s/^# [^:]*: //p' >"$run/dovecot.of-debian"
  cat "$run/dovecot.of-debian"
}

# Prints `PID FILE` for each master process that listens on one of our ports.
dovecot_listeners() {
  ss -Hltnp | sed -n 's/^.*:\(993\|143\|995\|110\) .*("dovecot",pid=\([0-9]*\),.*/\2/p' | sort -un | while read -r pid; do
    file=$(tr '\0' '\n' <"/proc/$pid/cmdline" | awk 'named { print; exit } /^-c./ { print substr($0, 3); exit } /^-c$/ { named = 1 }')
    # The master leaves a link to its file beside its own process id.
    if [ -z "$file" ] && [ "$(cat /run/dovecot/master.pid 2>/dev/null)" = "$pid" ]; then
      file=$(readlink /run/dovecot/dovecot.conf) || file=
    fi
    echo "$pid ${file:-$(dovecot_default_main)}"
  done
}

# dovecot_asked NAME…: prints the values that are in force for everybody. 2.4 prints a setting of
# ssl_server in a block of its own.
dovecot_asked() {
  [ -s "$run/dovecot.settings" ] || dovecot_dump "$dovecot_main" >"$run/dovecot.settings"
  for asked in "$@"; do
    awk -v name="$asked" '$1 == name && $2 == "=" { value = $0; sub(/^[^=]*= ?/, "", value) } END { print value }' "$run/dovecot.settings"
  done
}

# dovecot_dump MAIN: prints the settings that the adapter asks for. -P shows the file of a key.
dovecot_dump() {
  doveconf -c "$1" -aP 2>/dev/null | awk '
    /^ssl_server \{/ { inside = 1; next }
    /^service config \{/ { isConfig = 1; next }
    /^}/ { inside = isConfig = 0 }
    isConfig && /^ +vsz_limit =/ { sub(/^ +/, "service_config_"); print; next }
    inside && /(cert|key)_file/ { sub(/^ +/, "ssl_server_"); print; next }
    /^(ssl|shutdown_clients|log_path|base_dir|default_vsz_limit)[a-z_]* =/ && !/password/'
}

# Prints `FILE:LINE TAB BLOCKS TAB NAME TAB VALUE` for each setting, in the order in which Dovecot
# reads the files. BLOCKS are the blocks around the setting, with ` > ` between them. The block
# ssl_server counts as the beginning of the name, as in `ssl_server_cert_file`.
dovecot_read() {
  awk -v main="$dovecot_main" -v ours="$home/" '
    function included(pattern, file, blocks,   command, each, list, n, i) {
      if (pattern !~ /^[A-Za-z0-9_.\/*?+,@:[\]-]+$/) return
      if (pattern !~ /^\//) { sub(/[^\/]*$/, "", file); pattern = file pattern }
      command = "ls -1d " pattern " 2>/dev/null"
      while ((command | getline each) > 0) list[++n] = each
      close(command)
      for (i = 1; i <= n; i++) if (index(list[i], ours) != 1) read(list[i], blocks)
    }
    function read(file, blocks,   line, at, more, from, name, value, depth, stack) {
      stack[0] = blocks
      while ((getline line < file) > 0) {
        at++
        sub(/^[ \t]+/, "", line)
        if (line ~ /^#/) continue
        sub(/[ \t]+#.*$/, "", line)
        sub(/[ \t\r]+$/, "", line)
        if (sub(/\\$/, "", line)) { if (!from) from = at; more = more line " "; continue }
        line = more line
        value = from ? from : at
        more = ""
        from = 0
        if (line == "") continue
        if (line ~ /^!include/) {
          sub(/^!include(_try)?[ \t]+/, "", line)
          included(line, file, stack[depth + 0])
        } else if (line ~ /\{$/) {
          sub(/[ \t]*\{$/, "", line)
          gsub(/"/, "", line)
          stack[depth + 1] = stack[depth + 0] (stack[depth + 0] == "" ? "" : " > ") line
          depth++
        } else if (line ~ /^\}/) {
          if (depth > 0) depth--
        } else if (line ~ /=/) {
          name = line
          sub(/[ \t]*=.*/, "", name)
          sub(/^[^=]*=[ \t]*/, "", line)
          print_it(file ":" value, stack[depth + 0], name, line)
        }
      }
      close(file)
    }
    function print_it(where, blocks, name, value) {
      if (sub(/( > )?ssl_server$/, "", blocks)) name = "ssl_server_" name
      print where "\t" blocks "\t" name "\t" value
    }
    BEGIN { read(main, "") }'
}

# dovecot_where NAME: prints FILE:LINE of the setting that is in force for everybody.
dovecot_where() {
  awk -F '\t' -v name="$1" -v main="$dovecot_main" '
    $2 == "" && $3 == name { where = $1 }
    END { print (where == "" ? main : where) }' "$run/dovecot.lines"
}

dovecot_obstacle() {
  dovecot_speak
  dovecot_find
  dovecot_listeners >"$run/dovecot.listeners"
  rm -f "$run/dovecot.settings"
  if [ "$dovecot_words" = none ]; then
    echo 'only 2.3 and 2.4 are known to this installer'
  elif [ "$(wc -l <"$run/dovecot.listeners")" -gt 1 ]; then
    awk '{ text = text (NR > 1 ? ", " : "") $2 } END { print "several processes have the mail ports (" text "): let one of them have all of these ports" }' "$run/dovecot.listeners"
  elif read -r pid _ <"$run/dovecot.listeners" && [ "$(stat -Lc %d:%i "/proc/$pid/root" / | sort -u | wc -l)" != 1 ]; then
    echo "the process $pid that has the mail ports runs in a container or another root: adopt it there"
  elif ! doveconf -c "$dovecot_main" -n >/dev/null 2>"$run/dovecot.error"; then
    sed -n 's/.*[Ee]rror in configuration file \([^ ]*\) line \([0-9]*\)/\1:\2/; s/^doveconf: Fatal: //; $p' "$run/dovecot.error"
  else
    dovecot_read >"$run/dovecot.lines"
    {
      dovecot_without_tls
      dovecot_override
      dovecot_excluded
      dovecot_chain_fault
    } | head -n 1
  fi
}

dovecot_without_tls() {
  [ "$(dovecot_asked ssl)" != no ] || echo "$(dovecot_where ssl): ssl = no switches TLS off: set ssl = yes"
}

# A certificate in a block for a protocol or an address wins over the default, and on 2.3 it is in
# conflict with every block of ours. The operator's own names are served beside ours.
dovecot_override() {
  awk -F '\t' '
    $3 ~ /^ssl_(server_)?(alt_)?(cert|key)(_file)?$/ && $2 != "" && $2 !~ /(^|> )local_name [^>]*$/ {
      print $1 ": the block \"" $2 "\" has a certificate of its own: take " $3 " out of it"
      exit
    }' "$run/dovecot.lines"
}

# Our certificates have ECDSA keys.
dovecot_excluded() {
  case :$(dovecot_asked ssl_cipher_list): in
    *[:\ ,][!-]aECDSA[:\ ,]* | *[:\ ,][!-]ECDSA[:\ ,]*) echo "$(dovecot_where ssl_cipher_list): ssl_cipher_list shuts ECDSA certificates out, and ours are: take ECDSA out of it" ;;
  esac
}

dovecot_chain_fault() {
  dovecot_own_chains >"$run/dovecot.own"
  where=$(dovecot_where "$dovecot_cert")
  if grep -q '^inline ' "$run/dovecot.own"; then
    setting=$(sed -n 's/^inline //p' "$run/dovecot.own" | head -n 1)
    echo "$(dovecot_where "$setting"): $setting has the certificate or key itself: put it into a file and name the file"
  elif [ ! -s "$run/dovecot.own" ]; then
    echo "$where: it has no certificate: set $dovecot_cert and $dovecot_key"
  elif ! read_chains "$run/dovecot.own" "$run/dovecot.chains"; then
    echo "$where: $fault"
  else
    unlike_served "$run/dovecot.chains" | sed "s|^|$where: |"
  fi
}

# The files that it serves by default. A relative name begins at the directory of the main file.
# `inline SETTING` is a setting that names no file.
dovecot_own_chains() {
  for alternative in '' alt_; do
    own_cert=$(dovecot_file "ssl_$dovecot_prefix${alternative}cert$dovecot_suffix")
    own_key=$(dovecot_file "ssl_$dovecot_prefix${alternative}key$dovecot_suffix")
    case $own_cert$own_key in
      '') ;;
      *inline*) printf '%s\n' "$own_cert" "$own_key" | grep '^inline ' ;;
      *) echo "${own_key:--} ${own_cert:--}" ;;
    esac
  done
}

dovecot_file() {
  file=$(dovecot_asked "$1" | sed 's/^< *//')
  case $file in
    '' | /*) echo "$file" ;;
    *-----BEGIN* | inline:*) echo "inline $1" ;;
    *) echo "${dovecot_main%/*}/$file" ;;
  esac
}

# The listeners that want a PROXY header.
dovecot_proxied() {
  dovecot_find
  dovecot_read | awk -F '\t' '
    BEGIN { known["imap"] = 143; known["imaps"] = 993; known["pop3"] = 110; known["pop3s"] = 995 }
    $2 ~ /^service [a-z0-9]+-login > inet_listener / {
      name = $2
      sub(/.* > inet_listener /, "", name)
      if ($3 ~ /^(inet_listener_)?port$/) port[$2] = $4
      if ($3 ~ /^(inet_listener_)?(address|listen)$/) address[$2] = $4
      if ($3 ~ /^(inet_listener_)?haproxy$/) wants[$2] = $4
      listener[$2] = name
    }
    END {
      for (each in wants) if (wants[each] == "yes") {
        n = split(address[each] == "" ? "*" : address[each], list, /[ ,]+/)
        for (i = 1; i <= n; i++) {
          it = list[i] == "::" ? "*" : list[i] ~ /:/ ? "[" list[i] "]" : list[i]
          print it ":" (each in port ? port[each] : known[listener[each]])
        }
      }
    }' | sed -n '/:[0-9]/p'
}

# dovecot_log SECONDS: what it logged since then that means that a setting is not in force. A login
# process that starts while the config process is replaced fails, and the next one takes the client.
dovecot_log() {
  dovecot_find
  log=$(dovecot_asked log_path)
  case $log in '' | syslog) log=/var/log/mail.log ;; esac
  { lines_since "$1" "$log" && journal_since "$1" dovecot; } |
    grep -E '(Error|Fatal|Panic): ' | grep -Ev 'fd_read\(\) failed|/config\) failed' |
    grep -Ei 'error in configuration|conflict in setting|initialize ssl|ssl_(server_)?(alt_)?(cert|key)|config: (error|fatal|panic)' || :
}

# dovecot_rival NAMES…: prints FILE:LINE of an operator's block for one of these names. Of two
# blocks that match, one wins, and it may be the operator's.
dovecot_rival() {
  dovecot_read | awk -F '\t' -v names="$*" '
    BEGIN { n = split(names, name, " ") }
    $2 ~ /(^|> )local_name [^>]*$/ {
      blocks = $2
      sub(/.*local_name /, "", blocks)
      m = split(tolower(blocks), own, " ")
      for (i = 1; i <= m; i++) for (j = 1; j <= n; j++) {
        star = own[i]
        sub(/^[^.]*/, "*", star)
        if (own[i] == name[j] || star == name[j]) {
          print $1 " has local_name " own[i] ", which may win over ours: take that block out"
          exit
        }
      }
    }'
}

# Names that it serves by blocks of the operator's. There may be thousands.
dovecot_known() {
  dovecot_find
  dovecot_read | awk -F '\t' '
    $2 ~ /(^|> )local_name [^>*]*$/ {
      sub(/.*local_name /, "", $2)
      n = split(tolower($2), own, " ")
      for (i = 1; i <= n; i++) if (own[i] ~ /^[a-z0-9][a-z0-9.-]*$/ && !seen[own[i]]++ && ++names <= 3) print own[i]
    }'
}
