# What the adapter of Postfix reads: main.cf and master.cf by line, what stands in the way of an
# adoption, the chains that are served now, the log. Nothing here changes anything.

# postfix_lines NAME: prints `LINE TEXT` for each line of main.cf that sets NAME now: the last
# setting wins, and a line that begins with a space goes on.
postfix_lines() {
  awk -v name="$1" '
    /^[ \t]*(#|$)/ { next }
    /^[^ \t]/ {
      match($0, /^[^ \t=]+/)
      isNamed = substr($0, 1, RLENGTH) == name
      if (isNamed) n = 0
    }
    isNamed { line[++n] = NR " " $0 }
    END { for (i = 1; i <= n; i++) print line[i] }' "$postfix_at/main.cf"
}

# postfix_where NAME…: prints FILE:LINE of the first of these settings that main.cf has.
postfix_where() {
  for name in "$@"; do
    postfix_line=$(postfix_lines "$name" | sed -n '1s/ .*//p')
    [ -z "$postfix_line" ] || break
  done
  echo "$postfix_at/main.cf${postfix_line:+:$postfix_line}"
}

# Prints `LINE SERVICE NAME VALUE` for each `-o` of the services that serve TLS on our ports, and a
# line with the name `=` for each of these services. A port may be a number or a name; postscreen
# gives a client that wants TLS to tlsproxy, and then to `smtpd pass`.
postfix_services() {
  awk '
    function option(text) {
      sub(/^\{ */, "", text)
      name = value = text
      sub(/ *=.*/, "", name)
      sub(/^[^=]*= */, "", value)
      sub(/ *\}$/, "", value)
      print NR, service, name, value
      wants = 0
    }
    /^[ \t]*(#|$)/ { next }
    /^[^ \t]/ {
      program = $8
      sub(/.*\//, "", program)
      port = $1
      sub(/.*:/, "", port)
      isOurs = $2 == "inet" && port ~ /^(25|smtp|465|submissions|smtps|urd|587|submission)$/ && program ~ /^(smtpd|postscreen)$/ ||
        $2 == "pass" && program == "smtpd" || program == "tlsproxy"
      service = $1 "/" $2
      wants = 0
      if (isOurs) print NR, service, "=", program
      first = 9
    }
    /^[ \t]/ { first = 1 }
    isOurs {
      for (i = first; i <= NF; i++) {
        if (braced != "") {
          braced = braced " " $i
          if ($i ~ /\}$/) { option(braced); braced = "" }
        } else if (wants && $i ~ /^\{/ && $i !~ /\}$/) braced = $i
        else if (wants) option($i)
        else if ($i == "-o") wants = 1
        else if ($i ~ /^-o./) option(substr($i, 3))
      }
    }' "$postfix_at/master.cf"
}

postfix_obstacle() {
  postfix_find
  postfix_listeners >"$run/postfix.instances"
  if [ "$(awk '{ print $2 }' "$run/postfix.instances" | sort -u | wc -l)" -gt 1 ]; then
    awk '{ text = text (NR > 1 ? ", " : "") $2 " has " $1 } END {
      print "several instances have the mail ports (" text "): let one of them have all of these ports" }' "$run/postfix.instances"
  elif ! read -r _ _ pid <"$run/postfix.instances" || [ "$(stat -Lc %d:%i "/proc/$pid/root" / | sort -u | wc -l)" = 1 ]; then
    postfix_obstacle_here
  else
    echo "the process $pid that has the mail ports runs in a container or another root: adopt it there"
  fi
}

postfix_obstacle_here() {
  postconf -c "$postfix_at" -n >/dev/null 2>"$run/postfix.error" || :
  if ! postconf -d smtpd_tls_chain_files >/dev/null 2>&1 || [ -n "$(postconf -d smtpd_tls_chain_files 2>&1 >/dev/null)" ]; then
    echo 'older than 3.4, it cannot serve by name'
  elif ! postconf -m | grep -qx lmdb; then
    echo 'install the package postfix-lmdb'
  elif grep -q 'fatal:' "$run/postfix.error"; then
    sed -n 's/.*fatal: \([^,]*\), line \([0-9]*\): */\1:\2: /; s/.*fatal: //; 1p' "$run/postfix.error"
  else
    postfix_services >"$run/postfix.services"
    {
      postfix_override
      postfix_without_tls
      postfix_proxy_own
      postfix_excluded
      postfix_chain_fault
    } | head -n 1
  fi
}

# A service with a certificate or with names of its own would go on without ours.
postfix_override() {
  awk -v file="$postfix_at/master.cf" '
    $3 == "tls_server_sni_maps" { what = "other names to certificates" }
    $3 ~ /^(smtpd|tlsproxy)_tls_(chain_files|(ec|d)?(cert|key)_file)$/ { what = "a certificate of its own" }
    what != "" { print file ":" $1 ": the service " $2 " has " what ": take -o " $3 " out"; exit }' "$run/postfix.services"
}

# No service of ours offers TLS.
postfix_without_tls() {
  ! postfix_levels | grep -qv ' off$' || return 0
  where=$(postfix_where smtpd_tls_security_level)
  level=$(postfix_conf -xh smtpd_tls_security_level)
  echo "$where: smtpd_tls_security_level = ${level:-(empty)}, so no port offers TLS: set it to may"
}

# Prints `LINE SERVICE on|off`: whether each service of ours offers TLS.
postfix_levels() {
  awk -v level="$(postfix_conf -xh smtpd_tls_security_level)" -v screen="$(postfix_conf -xh postscreen_tls_security_level)" \
    -v wrapper="$(postfix_conf -xh smtpd_tls_wrappermode)" \
    -v old="$(postfix_conf -xh smtpd_use_tls)$(postfix_conf -xh smtpd_enforce_tls)" '
    function tell() { if (service != "" && service !~ /\/(pass|unix)$/) print line, service, (wrapped == "yes" || own !~ /^(none)?$/ || own == "" && old ~ /yes/ ? "on" : "off") }
    $3 == "=" { tell(); line = $1; service = $2; own = $4 == "postscreen" ? screen : level; wrapped = wrapper; next }
    $3 == "smtpd_tls_security_level" || $3 == "postscreen_tls_security_level" { own = $4; line = $1 }
    $3 == "smtpd_tls_wrappermode" { wrapped = $4 }
    END { tell() }' "$run/postfix.services"
}

# With postscreen, tlsproxy serves TLS on port 25. It has smtpd's chains unless main.cf says
# otherwise.
postfix_proxy_own() {
  grep -q ' = postscreen$' "$run/postfix.services" || return 0
  for setting in chain_files cert_file key_file eccert_file eckey_file dcert_file dkey_file; do
    [ "$(postfix_conf -xh "tlsproxy_tls_$setting")" != "$(postfix_conf -xh "smtpd_tls_$setting")" ] || continue
    echo "$(postfix_where "tlsproxy_tls_$setting"): port 25 (postscreen) has a certificate of its own: take tlsproxy_tls_$setting out"
    return
  done
}

# Our certificates have ECDSA keys.
postfix_excluded() {
  for setting in smtpd_tls_exclude_ciphers smtpd_tls_mandatory_exclude_ciphers; do
    case ,$(postfix_conf -xh "$setting" | tr ' ' ','), in
      *,aECDSA,* | *,ECDSA,*) echo "$(postfix_where "$setting"): $setting shuts ECDSA certificates out, and ours are: take ECDSA out of it" ;;
    esac
  done
}

postfix_chain_fault() {
  where=$(postfix_where smtpd_tls_chain_files smtpd_tls_cert_file smtpd_tls_eccert_file)
  postfix_own_chains >"$run/postfix.chains"
  if [ ! -s "$run/postfix.chains" ]; then
    echo "$where: it has no certificate: set smtpd_tls_chain_files"
  elif ! read_chains "$run/postfix.chains" "$run/postfix.own"; then
    echo "$where: $fault"
  elif [ "$(for own in "$run/postfix.own"/*.pem; do key_type "$own"; done | sort | uniq -d)" ]; then
    echo "$where: two of its certificates have keys of one type: take one out"
  else
    unlike_served "$run/postfix.own" | sed "s|^|$where: |"
  fi
}

# The files, as smtpd reads them: a relative name begins at the queue directory.
postfix_own_chains() {
  own=$(postfix_conf -xh smtpd_tls_chain_files | tr , ' ')
  if [ -n "${own# }" ]; then
    echo "- $own"
  else
    for pair in cert_file:key_file eccert_file:eckey_file dcert_file:dkey_file; do
      own=$(postfix_conf -xh "smtpd_tls_${pair%:*}")
      case $own in '' | none) ;; *) echo "$(postfix_conf -xh "smtpd_tls_${pair#*:}") $own" ;; esac
    done
  fi | awk -v queue="$(postfix_conf -xh queue_directory)/" '
    { for (i = 1; i <= NF; i++) printf "%s%s", ($i ~ /^(\/|-$)/ ? $i : queue $i), (i < NF ? " " : "\n") }'
}

# postfix_log SECONDS: what it logged since then that means that TLS does not work.
postfix_log() {
  postfix_find
  log=$(postfix_conf -xh maillog_file)
  {
    lines_since "$1" "${log:-/var/log/mail.log}"
    for program in smtpd submission/smtpd submissions/smtpd tlsproxy; do journal_since "$1" "postfix/$program"; done
  } | grep -E 'postfix.*(fatal|panic|warning): ' |
    grep -Ei 'warning: (cannot (get|load|use)|error (loading|reading)|no server certs|.*disabling tls)|(fatal|panic): .*(tls_|sni|main\.cf|master\.cf)' || :
}

# Names that it serves by maps of the operator's. A map may have thousands.
postfix_known() {
  postfix_find
  postfix_conf -xh tls_server_sni_maps | tr -s ', ' '\n' | grep ':/' | grep -Fvx "$postfix_map" | while read -r map; do
    postmap -c "$postfix_at" -s "$map" 2>/dev/null | awk '/^[a-z0-9][a-z0-9.-]*\.[a-z0-9-]+[ \t]/ { print $1; if (++n == 3) exit }'
  done
}

# The listeners that want a PROXY header.
postfix_proxied() {
  postfix_find
  postfix_services >"$run/postfix.services"
  awk -v smtpd="$(postfix_conf -xh smtpd_upstream_proxy_protocol)" -v screen="$(postfix_conf -xh postscreen_upstream_proxy_protocol)" '
    function tell() { if (wants != "") print service }
    $3 == "=" { tell(); service = $2; wants = $4 == "postscreen" ? screen : $4 == "smtpd" ? smtpd : ""; next }
    $3 ~ /_upstream_proxy_protocol$/ { wants = $4 }
    END { tell() }' "$run/postfix.services" | sed -n 's|/inet$||p' | while read -r service; do
    case $service in *:*) listener=${service%:*} service=${service##*:} ;; *) listener='*' ;; esac
    case $service in [0-9]*) ;; smtp) service=25 ;; submission) service=587 ;; *) service=465 ;; esac
    echo "$listener:$service"
  done
}
